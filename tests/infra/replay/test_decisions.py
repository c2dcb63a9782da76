"""What sagas and deciders did on a real tape comes out of it again; what was changed is named."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import partial

import pytest
from msgspec.structs import replace

from commands.orders import RequestOrder
from events.execution import ExecutionCompleted
from events.values import lots
from infra.config import Config
from infra.models.environment import environment_digest
from infra.replay.decided import Decided, decided_again
from infra.replay.decisions import ALWAYS, DECIDED, EVIDENCE, HEARD, SAGA
from infra.run import commands, relay
from infra.run import sagas as role
from infra.store import postgres
from infra.store.event_store import EventStore
from infra.store.recorders import EVENTS_TABLE, StoredEvent
from infra.store.stored import entry_of, kept
from infra.stream import kafka
from infra.stream.schema_ids import SchemaIds
from tests.infra.at_work import running, until
from tests.infra.journal import log_of
from tests.infra.run.test_sagas_killed import gateway, knows, tell_accounts
from tests.infra.tape_writer import write
from tests.orders import SIGNAL_ID, T0_US, said, signal

SIGNALS = 3


def again(config: Config, judged: tuple[int, int] = ALWAYS) -> Decided:
    return decided_again(config, SchemaIds(config), judged, lambda *_: None)


@pytest.fixture
def decided(config: Config) -> Config:
    """A tape on which some signals were followed to their end."""
    kafka.ensure_topics(config)
    ids = SchemaIds(config)
    tell_accounts(config, ids)
    address = postgres.address(config.postgres, config.namespace)
    with (
        EventStore.open(address) as store,
        running(relay.run, config),
        running(commands.run, config),
        running(gateway, config),
        running(role.run, config),
    ):
        until(partial(knows, address, 9))
        for number in range(SIGNALS):
            raised = signal(signal_id=f"{SIGNAL_ID}-{number}", raised_at_us=T0_US + number)
            write(config, ids, [replace(said(raised, number), key="EURUSD")])
        until(lambda: ended(store) == SIGNALS)
    return config


def ended(store: EventStore) -> int:
    return sum(isinstance(message.event, ExecutionCompleted) for message in log_of(store))


def test_all_that_was_decided_is_decided_again_to_the_same_bytes(decided: Config) -> None:
    found = again(decided)
    assert found.first is None
    counts = {name: (count.equal, count.different) for name, count in found.counts.items()}
    assert all(different == 0 for _, different in counts.values())
    assert counts[SAGA][0] == SIGNALS * 5  # opened, three requests, completed
    assert counts[DECIDED][0] >= SIGNALS * 5 + 9  # and what accounts were told
    assert counts[EVIDENCE][0] == SIGNALS * 6  # what the gateway intended and filled
    assert counts[HEARD][0] > SIGNALS * 10
    assert found.environments == {environment_digest(decided)}
    assert again(decided).digest == found.digest
    nothing = again(decided, (0, 1))
    assert not any(count.inputs for count in nothing.counts.values())


def test_one_changed_decision_is_named(decided: Config) -> None:
    with postgres.owner(postgres.address(decided.postgres, decided.namespace)) as session:
        session.execute("set session_replication_role = replica")
        stream, version, state = session.execute(
            f"select originator_id, originator_version, state from {EVENTS_TABLE} "
            f"where topic = 'RequestOrder' order by notification_id limit 1".encode()
        ).fetchall()[0]
        message = kept(StoredEvent(stream, version, "RequestOrder", bytes(state))).message
        assert isinstance(message.event, RequestOrder)
        bent = replace(message, event=replace(message.event, volume_lots=lots("0.01")))
        session.execute(
            f"update {EVENTS_TABLE} set state = %s where originator_id = %s "
            "and originator_version = %s".encode(),
            (entry_of(stream, version, bent).state, stream, version),
        )
    found = again(decided)
    assert found.first is not None
    assert (found.first.stage, found.first.sequence) == (SAGA, f"{stream}@{version}")
    assert found.counts[SAGA].different == 1


def test_a_signal_that_is_not_on_the_tape_was_not_consumed_there(decided: Config) -> None:
    with postgres.owner(postgres.address(decided.postgres, decided.namespace)) as session:
        session.execute("set session_replication_role = replica")
        stream, version, state = session.execute(
            f"select originator_id, originator_version, state from {EVENTS_TABLE} "
            f"where topic = 'heard/SignalRaised' order by notification_id limit 1".encode()
        ).fetchall()[0]
        message = kept(StoredEvent(stream, version, "heard/SignalRaised", bytes(state))).message
        surer = replace(message, event=replace(message.event, confidence=0.99))
        session.execute(
            f"update {EVENTS_TABLE} set state = %s where originator_id = %s "
            "and originator_version = %s".encode(),
            (entry_of(stream, version, surer, heard=True).state, stream, version),
        )
    found = again(decided)
    assert found.first is not None
    assert (found.first.stage, found.first.sequence) == (HEARD, f"{stream}@{version}")
    assert found.counts[SAGA].different > 0  # what is said on it would have been more


def test_two_processes_come_to_one_hash(decided: Config) -> None:
    hashes = set()
    for seed in ("0", "4711"):
        told = subprocess.run(
            [sys.executable, "-m", "infra.cli.main", "replay", "--level", "R3", "--json"],
            env={**os.environ, **decided.environment(), "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        )
        answer = json.loads(told.stdout)
        assert (answer["level"], answer["different"]) == ("R3", 0)
        assert answer["stages"][SAGA]["equal"] == SIGNALS * 5
        hashes.add(answer["hash"])
    assert len(hashes) == 1
