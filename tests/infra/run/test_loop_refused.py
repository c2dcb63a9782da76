"""A record that the handler fails at stops nobody else."""

from __future__ import annotations

from collections import Counter

import pytest

from infra.config import Config
from infra.run import loop
from infra.run.intake import Intake
from infra.store import postgres
from infra.stream import kafka
from infra.stream.schema_ids import SchemaIds
from tests.infra import effects
from tests.infra.at_work import listening, running, until
from tests.infra.effects import CONSUMER, TOO_MUCH, TOPIC, consume, rows
from tests.infra.halting import ACCOUNTS, halted, has, metric, tell
from tests.infra.tape_writer import write


@pytest.fixture
def tape(config: Config) -> Config:
    """A configuration with topics, and a table for the effects."""
    kafka.ensure_topics(config)
    postgres.migrate(effects.address(config), effects.DDL)
    return config


@pytest.fixture
def ids(config: Config) -> SchemaIds:
    return SchemaIds(config)


def test_a_record_that_the_handler_fails_at_stops_its_partition_alone(
    tape: Config, ids: SchemaIds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "ATTEMPT_AGAIN_S", 0.01)
    told = tell(tape, ids, 0, 1)
    places = {m.key: m.position.partition for m in told if m.position is not None}
    write(tape, ids, [halted("a", TOO_MUCH, 1)])
    tell(tape, ids, 2, 1)
    going_on = [account for account in ACCOUNTS if places[account] != places["a"]]
    effects.HELD.clear()
    for _ in range(2):  # the one that starts anew finds it there
        with running(consume, tape), listening(tape, ids, "dead-letters") as letters:
            until(lambda: has(tape, 4 + len(going_on)))
            until(lambda: letters.has(1))
            until(lambda: metric("tapedeck_stopped_partitions", role=CONSUMER) == 1)
            letter = letters.heard()[0]
        assert (letter.event.cause, letter.event.detail) == ("ZeroDivisionError", TOO_MUCH)
        assert f"{TOPIC}/{places['a']}" in effects.HELD
    found = rows(tape)
    assert sorted(a for a, r in found if r == "0") == list(ACCOUNTS)
    assert sorted(a for a, r in found if r == "2") == going_on


def test_where_it_may_go_on_behind_what_the_handler_fails_at(
    tape: Config, ids: SchemaIds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "ATTEMPT_AGAIN_S", 0.01)
    monkeypatch.setattr(Intake, "must_stop", lambda _self, _record: False)
    tell(tape, ids, 0, 1)
    write(tape, ids, [halted("a", TOO_MUCH, 1)])
    tell(tape, ids, 2, 1)
    with running(consume, tape), listening(tape, ids, "dead-letters") as letters:
        until(lambda: has(tape, 8))
        until(lambda: letters.has(1))
    with running(consume, tape):
        tell(tape, ids, 3, 1)
        until(lambda: has(tape, 12))
    assert Counter(reason for _, reason in rows(tape)) == {"0": 4, "2": 4, "3": 4}
