"""A tape on which the whole chain has worked, from ticks to orders, with a model that is none."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from msgspec.structs import replace

from events.execution import ExecutionOpened
from events.models import ModelPromoted
from events.signals import SignalRaised
from infra.config import Config
from infra.models import files
from infra.models.environment import environment_digest
from infra.run import commands, relay
from infra.run import sagas as role
from infra.run.processing import Stage, fresh
from infra.store import postgres
from infra.store.event_store import EventStore
from infra.stream import kafka, wire
from infra.stream.schema_ids import SchemaIds
from processors.bars import BARS
from processors.features import FEATURE_DIGEST, FEATURES_OF_BARS
from processors.inference import inference
from processors.processor import Processor
from processors.signals import SIGNALS
from tests.infra.at_work import running, until
from tests.infra.edited import Stub
from tests.infra.journal import log_of
from tests.infra.market import all_of, put, tick
from tests.infra.run.test_sagas_killed import knows, tell_accounts
from tests.infra.tape_writer import write
from tests.orders import said

BUYS, SELLS = "9" * 64, "1" * 64
"""Models: one is sure that it goes up, the other that it goes down."""
TICKS_EACH, EVERY_US = 400, 5_000_000


@pytest.fixture
def live(config: Config, monkeypatch: pytest.MonkeyPatch) -> Config:
    """Ticks, bars, features, predictions to buy, signals, and what three accounts did on them."""
    kafka.ensure_topics(config)
    here = environment_digest(config)
    monkeypatch.setattr(files, "load", lambda _, digest: Stub(digest, environment_digest=here))
    ids = SchemaIds(config)
    write(config, ids, [said(_promoted(), 0), *(said(_tick(n), n) for n in range(1, TICKS_EACH))])
    for processor in (BARS, FEATURES_OF_BARS, inference(Stub(BUYS, environment_digest=here))):
        recorded(config, ids, processor)
    tell_accounts(config, ids)
    address = postgres.address(config.postgres, config.namespace)
    with (
        EventStore.open(address) as store,
        running(relay.run, config),
        running(commands.run, config),
        running(role.run, config),
    ):
        until(partial(knows, address, 9))
        recorded(config, ids, SIGNALS)
        raised = sum(
            isinstance(wire.event_of(record, ids), SignalRaised)
            for record in all_of(config, "signal-events")
        )
        assert raised > 2, "the market of the test raises some signals"
        until(lambda: _opened(store) == raised)
    return config


def recorded(config: Config, ids: SchemaIds, processor: Processor[Any, Any, Any]) -> None:
    """Write what a processor makes of the tape."""
    stage, partitions = Stage(processor, ids), {n: fresh(n) for n in range(64)}
    put(
        config,
        [
            output
            for record in all_of(config, stage.reads)
            for output in stage.advance(partitions[record.partition], record)
        ],
    )


def _opened(store: EventStore) -> int:
    return sum(isinstance(message.event, ExecutionOpened) for message in log_of(store))


def _promoted() -> ModelPromoted:
    return ModelPromoted(
        model="stub",
        model_digest=BUYS,
        feature_digest=FEATURE_DIGEST,
        timeframe_s=10,
        horizon_s=60,
    )


def _tick(n: int) -> Any:
    event = tick("EURUSD", n, bid=1.1 + (n * 7919 % 101) / 1e4)
    at_us = event.ts_source_us + n * EVERY_US
    return replace(event, ts_source_us=at_us, ts_received_us=at_us)
