"""The relay loses nothing and reorders nothing, whatever is killed or away."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaError

from events.accounts import AccountHalted
from events.envelope import Message
from infra.config import Config
from infra.run import relay
from infra.store import postgres as database
from infra.store.event_store import EventStore
from infra.store.offsets import Cursors
from infra.store.stored import entry_of
from infra.stream import kafka
from infra.stream.identity import EVENT_STORE
from infra.stream.schema_ids import SchemaIds
from tests.infra.at_work import Listener, listening, process, running, until
from tests.infra.counting import FixedIds
from tests.infra.mock_kafka import MockKafka
from tests.orders import said

TOPIC = "account-events"
ROLE = ("infra.cli.main", "run", "relay")


@pytest.fixture
def store(config: Config) -> Iterator[EventStore]:
    """An event store whose topics exist."""
    kafka.ensure_topics(config)
    with EventStore.open(address(config)) as opened_store:
        yield opened_store


@pytest.fixture
def tape(config: Config, store: EventStore) -> Iterator[Listener]:
    """What is on the topic. It begins when the topic is there, so the store comes first."""
    del store
    with listening(config, SchemaIds(config), TOPIC) as listener:
        yield listener


def address(config: Config) -> str:
    return database.address(config.postgres, config.namespace)


def told(account: str, number: int) -> Message[AccountHalted]:
    return said(AccountHalted(account=account, reason=str(number)), number, account)


def tell(store: EventStore, accounts: int, start: int, count: int) -> None:
    """`count` more events of each account, in turns."""
    for number in range(start, start + count):
        for account in range(accounts):
            store.append(str(account), number, [told(str(account), number)])


def seen(messages: list[Message[Any]]) -> dict[str, list[str]]:
    """What a reader that drops repeats has of each account, in its order."""
    partitions: dict[int, Cursors] = {}
    found: dict[str, list[str]] = {}
    for message in messages:
        assert message.position is not None
        number = message.position.partition
        at = partitions.setdefault(number, Cursors(TOPIC, number, 0))
        for fresh in at.fresh([message]):
            at.take(at.advanced([fresh], message.position.offset + 1))
            found.setdefault(fresh.key, []).append(fresh.event.reason)
    return found


def whole(accounts: int, count: int) -> dict[str, list[str]]:
    return {str(account): [str(n) for n in range(count)] for account in range(accounts)}


def test_decisions_are_published_in_order_with_their_number(
    config: Config, store: EventStore, tape: Listener
) -> None:
    note = said(AccountHalted(account="0", reason="heard"), 7, "elsewhere")
    store.write(store.draft(), [entry_of("saga:x", 1, note, heard=True)])
    tell(store, 3, 0, 20)
    with running(relay.run, config):
        until(lambda: tape.has(60))
        tell(store, 3, 20, 5)
        until(lambda: tape.has(75))
    messages = tape.heard()
    assert seen(messages) == whole(3, 25)
    assert {m.envelope.source for m in messages} == {EVENT_STORE}
    by_number = sorted(messages, key=lambda m: m.envelope.sequence)
    logged = [entry.message for entry in store.after(0, 1_000) if entry.message is not None]
    assert [(m.envelope, m.event, m.key) for m in by_number] == [
        (m.envelope, m.event, m.key) for m in logged
    ]


def test_it_goes_on_where_it_stopped(config: Config, store: EventStore, tape: Listener) -> None:
    for start in (0, 5, 10):
        tell(store, 2, start, 5)
        with running(relay.run, config):
            until(partial(tape.has, 2 * (start + 5)))
    assert len(tape.heard()) == 30


def test_killed_after_publishing_it_repeats_and_readers_see_each_once(
    config: Config, store: EventStore, tape: Listener
) -> None:
    tell(store, 2, 0, 10)
    with process(config, *ROLE, fault="relay_after_publish") as first:
        assert first.died_by_kill()
    with running(relay.run, config):
        until(lambda: tape.has(40))
    assert seen(tape.heard()) == whole(2, 10)


def test_killed_again_and_again_while_others_write(
    config: Config, store: EventStore, tape: Listener
) -> None:
    accounts, count = 3, 60
    for start in (0, count, 2 * count):
        before = len(tape.heard())
        writer = threading.Thread(target=tell, args=(store, accounts, start, count))
        with process(config, *ROLE):
            writer.start()
            until(partial(tape.has, before + 1))
        writer.join()
    with running(relay.run, config):
        until(lambda: seen(tape.heard()) == whole(accounts, 3 * count))


def test_one_relay_at_a_time(config: Config, store: EventStore, tape: Listener) -> None:
    with process(config, *ROLE) as first:
        tell(store, 1, 0, 1)
        until(lambda: tape.has(1))
        with running(relay.run, config):
            tell(store, 1, 1, 20)
            until(lambda: tape.has(21))
            assert len(tape.heard()) == 21
            first.kill()
            tell(store, 1, 21, 1)
            until(lambda: tape.has(22))
    assert seen(tape.heard()) == whole(1, 22)


@pytest.fixture
def mock() -> Iterator[MockKafka]:
    """A broker that can be taken down."""
    cluster = MockKafka((TOPIC, 2))
    yield cluster
    cluster.close()


def test_it_waits_for_a_broker_that_is_away_or_refuses(
    mock: MockKafka, postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"HOME": str(tmp_path), "KAFKA": mock.address, "POSTGRES": postgres}
    config = Config.load({f"TAPEDECK_{name}": value for name, value in given.items()})
    ids = FixedIds()
    monkeypatch.setattr(relay, "SchemaIds", lambda _: ids)
    refusals = (KafkaError.NOT_ENOUGH_REPLICAS, KafkaError.NOT_LEADER_FOR_PARTITION)
    with (
        EventStore.open(address(config)) as store,
        listening(config, ids, TOPIC) as tape,
        running(relay.run, config),
    ):
        tell(store, 2, 0, 3)
        until(lambda: tape.has(6))
        mock.go_down()
        tell(store, 2, 3, 3)
        mock.come_up()
        until(lambda: tape.has(12))
        mock.refuse_produce(*refusals, *refusals)
        tell(store, 2, 6, 3)
        until(lambda: tape.has(18))
        assert seen(tape.heard()) == whole(2, 9)
