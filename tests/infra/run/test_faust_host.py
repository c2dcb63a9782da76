"""What of Faust is switched off, refused or not believed."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from events.orders import OrderFilled
from infra import whole
from infra.config import Config
from infra.observe.telemetry import HANDLED, LAG
from infra.run import faust_host, faust_transport, instances, snapshots
from infra.run.processing import Partition, Stage
from infra.run.processor import hosted, run
from infra.run.resuming import resumed
from infra.stream import kafka, tape
from infra.stream.tape import TapeReplaced
from processors.processor import Processor
from schemas.catalog import TOPICS
from tests.infra.at_work import running, until
from tests.infra.counting import COUNTING, FixedIds, Seen
from tests.infra.market import put, record_of, tick


@pytest.fixture
def alone(tmp_path: Path) -> Config:
    """A home of its own, and no service."""
    return Config.load({"TAPEDECK_HOME": str(tmp_path)})


def test_more_than_one_at_a_time_is_refused(alone: Config) -> None:
    with pytest.raises(ValueError, match="concurrency is 2; give 1"):
        faust_host.Host(alone, Stage(COUNTING, FixedIds()), threading.Event(), concurrency=2)


def test_faust_serves_declares_and_stores_nothing(alone: Config) -> None:
    async def settings() -> None:
        app = faust_host._app(alone, "group", "host.0")
        assert not app.conf.web_enabled
        assert not app.conf.topic_allow_declare
        assert app.conf.topic_disable_leader
        assert str(app.conf.store) == "memory:"
        assert app.conf.processing_guarantee.value == "at_least_once"
        assert app.conf.broker_commit_interval == 1.0
        assert app.conf.consumer_group_instance_id == "host.0"
        assert app.transport.Producer is faust_transport.IdempotentProducer

    asyncio.run(settings())


def test_a_snapshot_ahead_of_the_tape_stops_the_host(
    kafka_config: Config,
) -> None:
    put(kafka_config, [record_of(tick("EURUSD", 1))])
    topic = kafka.topic_name(kafka_config, "market-data-events")
    stage = Stage(COUNTING, FixedIds())
    for number, offset in ((0, 1_000), (1, 1_000)):
        ahead = Partition(number, offset, {}, {"EURUSD": Seen(1, 1.1)})
        path = snapshots.path_of(kafka_config, "counting", number)
        whole.write(path, snapshots.frozen(COUNTING, topic, ahead))
        with tape.reader(kafka_config) as client, pytest.raises(TapeReplaced, match="made anew"):
            resumed(kafka_config, client, stage, number)


def test_what_is_left_to_do_is_told_and_marks_of_transactions_are_not_work(
    kafka_config: Config,
) -> None:
    topics = [t for t in TOPICS if t.name in ("market-data-events", "bar-events", "dead-letters")]
    kafka.ensure_topics(kafka_config, topics)
    lags = [LAG.labels("processor-counting", "market-data-events", n) for n in ("0", "1")]
    for lag in lags:
        lag.set(-1)
    stage = Stage(COUNTING, FixedIds())
    with running(lambda stop: faust_host.run(kafka_config, stop, stage)):
        until(lambda: [lag._value.get() for lag in lags] == [0, 0])
        for number in range(5):
            put(kafka_config, [record_of(tick("EURUSD", 1 + number))])
        until(lambda: HANDLED.labels("processor-counting", "market-data-events")._value.get() >= 5)
        until(lambda: [lag._value.get() for lag in lags] == [0, 0])


def test_processes_of_one_home_have_names_of_their_own_and_keep_them(alone: Config) -> None:
    first, lock = instances.claimed(alone, "group")
    second, other = instances.claimed(alone, "group")
    lock.close()
    again, third = instances.claimed(alone, "group")
    other.close()
    third.close()
    assert first != second
    assert again == first


def test_a_processor_of_decisions_is_refused(alone: Config) -> None:
    deciding: Processor[None, OrderFilled, OrderFilled] = Processor(
        name="deciding",
        version=1,
        reads=OrderFilled,
        writes=(OrderFilled,),
        key=lambda event: event.order_id,
        state=type(None),
        initial=None,
        step=lambda state, _event: (state, ()),
    )
    with pytest.raises(ValueError, match="reads decisions"):
        hosted(alone, threading.Event(), Stage(deciding, FixedIds()), "faust")


def test_an_unknown_processor_is_named_with_those_there_are(alone: Config) -> None:
    with pytest.raises(ValueError, match="bars, features, signals, inference"):
        run(alone, threading.Event(), "beans")


@pytest.fixture
def kafka_config(kafka: str, namespace: str, tmp_path: Path) -> Config:
    """A tape with ticks only."""
    config = Config.load(
        {
            "TAPEDECK_HOME": str(tmp_path),
            "TAPEDECK_KAFKA": kafka,
            "TAPEDECK_NAMESPACE": namespace,
        }
    )
    _prepare(config)
    return config


def _prepare(config: Config) -> None:
    kafka.ensure_topics(config, [t for t in TOPICS if t.name == "market-data-events"])
