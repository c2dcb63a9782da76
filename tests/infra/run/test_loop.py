"""Every record has its effect once: whatever is killed, frozen, away, broken or doubled."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from events.accounts import AccountHalted
from infra.config import Config
from infra.embedded.kafka import EmbeddedKafka
from infra.run import loop, membership
from infra.store import offsets, postgres
from infra.stream import kafka, wire
from infra.stream.schema_ids import RegistryAway, SchemaIds
from infra.stream.tape import TapeReplaced
from tests.infra import effects
from tests.infra.at_work import listening, process, running, take_away, until
from tests.infra.cut_at_commit import CutAtCommit
from tests.infra.effects import CONSUMER, SLOW, TOPIC, consume, rows
from tests.infra.halting import ACCOUNTS, halted, has, metric, tell
from tests.infra.tape_writer import write, write_raw
from tests.orders import said

PROCESS = ("tests.infra.effects",)


@pytest.fixture
def tape(config: Config) -> Config:
    """A configuration with topics, and a table for the effects."""
    kafka.ensure_topics(config)
    postgres.migrate(effects.address(config), effects.DDL)
    return config


@pytest.fixture
def ids(config: Config) -> SchemaIds:
    return SchemaIds(config)


@pytest.fixture
def way(config: Config, tape: Config) -> Iterator[tuple[Config, CutAtCommit]]:
    """The same, with a way to the database that can be cut."""
    cut = CutAtCommit(config.postgres)
    yield replace(tape, postgres=cut.dsn), cut
    cut.close()


def once(config: Config, count: int) -> None:
    """Each message has one effect, in order per account."""
    found = rows(config)
    for account in ACCOUNTS:
        assert [r for a, r in found if a == account] == [str(n) for n in range(count)]


def test_what_comes_twice_has_its_effect_once(tape: Config, ids: SchemaIds) -> None:
    told = tell(tape, ids, 0, 5)
    with running(consume, tape):
        until(lambda: has(tape, 20))
        write(tape, ids, [*told, *told[:3]])
        tell(tape, ids, 5, 1)
        until(lambda: has(tape, 24))
    once(tape, 6)


def test_it_goes_on_where_it_stood(tape: Config, ids: SchemaIds) -> None:
    for start in (0, 5):
        tell(tape, ids, start, 5)
        with running(consume, tape):
            until(partial(has, tape, 4 * (start + 5)))
    once(tape, 10)


def test_a_commit_whose_answer_is_lost_is_not_repeated(
    way: tuple[Config, CutAtCommit], ids: SchemaIds
) -> None:
    config, cut = way
    with running(consume, config):
        tell(config, ids, 0, 2)
        until(lambda: has(config, 8))
        for start in (2, 4):
            cut.arm()
            tell(config, ids, start, 2)
            until(partial(has, config, 4 * (start + 2)))
    assert cut.cuts == 2
    once(config, 6)


def test_a_database_that_goes_away_is_waited_for(
    way: tuple[Config, CutAtCommit], tape: Config, ids: SchemaIds
) -> None:
    config, cut = way
    with running(consume, config):
        tell(tape, ids, 0, 2)
        until(lambda: has(tape, 8))
        cut.go_away()
        tell(tape, ids, 2, 2)
        until(lambda: metric("tapedeck_away", role=CONSUMER, dependency="OperationalError") == 1)
        cut.come_back()
        until(lambda: has(tape, 16))
    once(tape, 4)


def test_a_kafka_that_was_away_longer_than_the_session_is_waited_for(
    broker: EmbeddedKafka, tape: Config, ids: SchemaIds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(membership, "SESSION_TIMEOUT_MS", 2_000)
    monkeypatch.setattr(membership, "HEARTBEAT_MS", 500)
    config = replace(tape, kafka=broker.address)
    kafka.ensure_topics(config)
    with running(consume, config):
        tell(config, ids, 0, 2)
        until(lambda: has(config, 8))
        take_away(broker)
        tell(config, ids, 2, 2)
        until(lambda: has(config, 16))
    once(config, 4)


def test_a_member_whose_place_was_taken_goes_on_with_a_new_client(
    tape: Config, ids: SchemaIds
) -> None:
    with running(consume, tape):
        tell(tape, ids, 0, 2)
        until(lambda: has(tape, 8))
        thief = kafka.consumer(tape, CONSUMER, group_instance_id=f"{CONSUMER}-0")
        thief.subscribe([kafka.topic_name(tape, TOPIC)])
        until(lambda: thief.poll(0.1) is not None)
        thief.close()
        tell(tape, ids, 2, 2)
        until(lambda: has(tape, 16))
    once(tape, 4)


def test_a_registry_that_is_away_is_waited_for(
    tape: Config, ids: SchemaIds, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusals = 2

    class Away(SchemaIds):
        def writer(self, schema_id: int) -> Any:
            nonlocal refusals
            if refusals:
                refusals -= 1
                raise RegistryAway("it does not answer")
            return super().writer(schema_id)

    monkeypatch.setattr(effects, "SchemaIds", Away)
    tell(tape, ids, 0, 3)
    with running(consume, tape):
        until(lambda: has(tape, 12))
    assert refusals == 0
    once(tape, 3)


def test_killed_at_work_the_next_one_goes_on_at_once(tape: Config, ids: SchemaIds) -> None:
    for start in (0, 10, 20):
        with process(tape, *PROCESS):
            tell(tape, ids, start, 10)
            until(partial(has, tape, 4 * start + 1))
    with running(consume, tape):
        until(lambda: has(tape, 120))
    once(tape, 30)


def test_a_frozen_one_that_was_replaced_changes_nothing(tape: Config, ids: SchemaIds) -> None:
    with process(tape, *PROCESS) as zombie:
        tell(tape, ids, 0, 1)
        until(lambda: has(tape, 4))
        write(tape, ids, [halted("a", SLOW, 1)])
        until(lambda: in_a_transaction(tape) == 1)
        zombie.freeze()
        with process(tape, *PROCESS):
            until(lambda: has(tape, 5))
            zombie.thaw()
            write(tape, ids, [halted(account, "2", 2) for account in ACCOUNTS])
            until(lambda: has(tape, 9))
            until(lambda: in_a_transaction(tape) == 0)
            assert zombie.alive
    assert set(Counter(rows(tape)).values()) == {1}
    assert len(rows(tape)) == 9


def test_a_record_that_cannot_be_read_stops_its_partition_alone(
    tape: Config, ids: SchemaIds
) -> None:
    told = tell(tape, ids, 0, 1)
    stopped = write_raw(tape, TOPIC, b"a", b"\x00nonsense")
    places = {m.key: m.position.partition for m in told if m.position is not None}
    assert set(places.values()) == {0, 1}
    readable = [account for account in ACCOUNTS if places[account] != stopped]
    tell(tape, ids, 1, 1)
    effects.HELD.clear()
    with running(consume, tape), listening(tape, ids, "dead-letters") as letters:
        until(lambda: has(tape, 4 + len(readable)))
        until(lambda: letters.has(1))
        until(lambda: metric("tapedeck_stopped_partitions", role=CONSUMER) == 1)
        (letter,) = letters.heard()
    assert (letter.event.topic, letter.event.partition) == (TOPIC, stopped)
    assert [f"{TOPIC}/{stopped}"] == effects.HELD
    assert letter.event.value == b"\x00nonsense"
    before, after = [(a, "0") for a in ACCOUNTS], [(a, "1") for a in readable]
    assert sorted(rows(tape)) == sorted(before + after)


def test_a_message_that_does_not_belong_on_its_topic_stops_it_too(
    tape: Config, ids: SchemaIds
) -> None:
    with listening(tape, ids, "dead-letters") as letters:
        foreign = said(AccountHalted(account="a", reason="x"), 1)
        producer = kafka.producer(tape)
        outgoing = wire.write(foreign, ids)
        producer.produce(
            kafka.topic_name(tape, "order-events"),
            key=outgoing.key,
            value=outgoing.value,
            headers=list(outgoing.headers),
        )
        producer.flush()
        handled: list[Any] = []
        arguments = (tape, ids, "strict", ("order-events",), lambda *given: handled.append(given))
        with running(loop.loop, *arguments):
            until(lambda: letters.has(1))
        assert letters.heard()[0].event.cause == "Unreadable"
    assert handled == []


@pytest.mark.parametrize("stored", [99, -1])
def test_an_offset_that_the_topic_does_not_have_ends_the_role(
    tape: Config, ids: SchemaIds, stored: int
) -> None:
    tell(tape, ids, 0, 1)
    postgres.migrate(effects.address(tape), *offsets.DDL)
    with postgres.connect(effects.address(tape)) as session:
        offsets.resume(session, CONSUMER, TOPIC, 0, stored)
    with pytest.raises(TapeReplaced, match=f"stands at offset {stored} of"):
        consume(tape, threading.Event())


def in_a_transaction(config: Config) -> int:
    with postgres.owner(effects.address(config)) as session:
        ((count,),) = session.execute(
            "select count(*) from pg_stat_activity"
            " where datname = current_database() and state = 'idle in transaction'"
        ).fetchall()
        return int(count)
