"""Once, though another comes in the middle of a batch, and whoever was replaced wakes up late."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from confluent_kafka import Consumer

from events.envelope import Message
from infra.config import Config
from infra.run import loop, membership
from infra.run.folding import Folding
from infra.run.intake import Taken
from infra.run.loop import PASSING
from infra.run.patience import patiently
from infra.store import offsets, postgres, read_models
from infra.store.offsets import Advance, Superseded
from infra.stream import kafka
from infra.stream.schema_ids import SchemaIds
from projections import ticks
from tests.infra import effects
from tests.infra.at_work import process, running, until
from tests.infra.effects import CONSUMER, TOPIC, rows
from tests.infra.halting import ACCOUNTS, tell
from tests.infra.run.test_made_anew import newest
from tests.infra.run.test_projections import caught_up, everything, forget
from tests.infra.run.test_projections import running as projecting
from tests.infra.tape_writer import write
from tests.projections import story
from tests.projections.story import told

OUT_AFTER_MS, SESSION_MS, HEARTBEAT_MS = 6_000, 6_000, 500
"""A member that does not ask for more for so long is put out of its group."""
PROJECTING = ("infra.cli.main", "run", "projections")


@pytest.fixture
def tape(config: Config) -> Config:
    kafka.ensure_topics(config)
    postgres.migrate(effects.address(config), effects.DDL, *offsets.DDL)
    return config


class Member:
    """A consumer that waits in the transaction of its first batch, if it is told to."""

    def __init__(self, config: Config) -> None:
        self.open, self.go_on = threading.Event(), threading.Event()
        self.refused: list[Superseded] = []
        self.handled = 0
        self._config = config

    def consume(self, stop: threading.Event) -> None:
        """Until `stop`."""
        ids, write_rows = SchemaIds(self._config), effects.handling(effects.address(self._config))

        def handle(messages: Sequence[Message[Any]], steps: tuple[Advance, ...]) -> None:
            try:
                write_rows(messages, steps)
            except Superseded as refused:
                self.refused.append(refused)
                raise
            self.handled += len(messages)

        def life() -> None:
            loop.loop(self._config, ids, CONSUMER, (TOPIC,), handle, stop)

        patiently(CONSUMER, life, stop, PASSING)


def test_who_is_put_out_in_the_middle_of_a_batch_loses_it_to_his_successor(
    tape: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """His transaction is open all the while; the other's is committed before he goes on."""
    impatient(monkeypatch)
    first, second, advance = Member(tape), Member(tape), offsets.advance

    def held_up(cursor: Any, consumer: str, steps: Sequence[Advance]) -> None:
        """The first to come waits here, with its rows written and nothing committed."""
        if not first.open.is_set():
            first.open.set()
            first.go_on.wait()
        advance(cursor, consumer, steps)

    monkeypatch.setattr(offsets, "advance", held_up)
    tell(tape, SchemaIds(tape), 0, 5)
    with running(first.consume):
        first.open.wait()
        with running(second.consume):
            until(lambda: len(rows(tape)) == 5 * len(ACCOUNTS))
            first.go_on.set()
            until(lambda: bool(first.refused))
            tell(tape, SchemaIds(tape), 5, 5)
            until(lambda: len(rows(tape)) >= 10 * len(ACCOUNTS))
    assert set(Counter(rows(tape)).values()) == {1}
    assert first.handled + second.handled == len(rows(tape)) == 10 * len(ACCOUNTS)


def test_who_joins_while_a_batch_is_open_waits_for_it_and_shares_the_rest(
    tape: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, advance = Member(tape), Member(tape), offsets.advance

    def slow(cursor: Any, consumer: str, steps: Sequence[Advance]) -> None:
        if not first.open.is_set():
            first.open.set()
            first.go_on.wait()
        time.sleep(0.05)
        advance(cursor, consumer, steps)

    monkeypatch.setattr(offsets, "advance", slow)
    ids, number = SchemaIds(tape), 5
    tell(tape, ids, 0, number)
    with running(first.consume):
        first.open.wait()
        with running(second.consume):
            until(lambda: members(tape) == 2)
            first.go_on.set()
            while not second.handled:
                tell(tape, ids, number, 1)
                number += 1
            until(lambda: len(rows(tape)) >= number * len(ACCOUNTS))
    assert set(Counter(rows(tape)).values()) == {1}
    for account in ACCOUNTS:
        assert [r for a, r in rows(tape) if a == account] == [str(n) for n in range(number)]


def test_read_models_of_a_zombie_are_its_successor_s(tape: Config) -> None:
    """Frozen, and taken for dead by the database; another goes on; then it wakes."""
    ids = SchemaIds(tape)
    with process(tape, *PROJECTING) as zombie:
        write(tape, ids, told())
        until(lambda: caught_up(tape))
        zombie.freeze()
        cut_off(tape)
        with process(tape, *PROJECTING) as successor:
            write(tape, ids, told("GBPUSD", 1))
            until(lambda: caught_up(tape))
            zombie.thaw()
            write(tape, ids, told("XAUUSD", 2))
            until(lambda: caught_up(tape))
            time.sleep(1.0)
            assert zombie.alive
            assert successor.alive
            found = everything(tape)
    forget(tape)
    with projecting(tape):
        until(lambda: caught_up(tape))
    assert everything(tape) == found


def test_a_fold_that_another_has_gone_past_changes_no_row(config: Config) -> None:
    """Two that both believe to be the one writer, as if there were no lock."""
    conninfo = postgres.address(config.postgres, config.namespace)
    read_models.prepare(conninfo, (ticks.PROJECTION,))
    place = ("market-data-events", 0)
    seen = list(story.placed(story.ticks(number=9)))
    with postgres.connect(conninfo) as connection:

        def folding(until: int) -> Folding:
            cursors = offsets.resume(connection, ticks.PROJECTION.consumer, *place, 0)
            made = Folding(ticks.PROJECTION, conninfo, {place: cursors})
            made.fold(place, Taken(until, seen[:until]))
            return made

        zombie, successor = folding(4), folding(9)
        successor.commit(connection)
        with pytest.raises(Superseded):
            zombie.commit(connection)
        assert newest(config) == 9
        assert offsets.reached(connection, ticks.PROJECTION.consumer, *place) == 9


def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let members be put out soon."""
    monkeypatch.setattr(membership, "SESSION_TIMEOUT_MS", SESSION_MS)
    monkeypatch.setattr(membership, "HEARTBEAT_MS", HEARTBEAT_MS)
    make = kafka.consumer

    def consumer(config: Config, group: str, **settings: Any) -> Consumer:
        mine = {"max_poll_interval_ms": OUT_AFTER_MS} if group == CONSUMER else {}
        return make(config, group, **settings, **mine)

    monkeypatch.setattr(kafka, "consumer", consumer)


def members(config: Config) -> int:
    """How many are in the group."""
    group = kafka.group_name(config, CONSUMER)
    client = kafka.admin(config)  # it has to live until it has answered
    (asked,) = client.describe_consumer_groups([group]).values()
    return len(asked.result().members)


def cut_off(config: Config) -> None:
    """Let the database end every session, as it does with who does not answer."""
    with postgres.owner(effects.address(config)) as connection:
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )
