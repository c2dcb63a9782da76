"""The record of decisions on a real Postgres: nobody is lost, nobody is doubled."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import psycopg
import pytest
from msgspec.structs import replace

from commands.accounts import ACCOUNTS, HaltAccount, ResumeAccount
from commands.order_life import ORDERS
from events.accounts import AccountHalted, AccountOpened, AccountResumed
from events.envelope import Message, Position, caused_by
from infra.store import offsets
from infra.store.event_store import ATTEMPTS_MAX, EventStore
from infra.store.offsets import Advance, Superseded
from infra.store.postgres import address, connect
from infra.store.recorders import (
    Conflict,
    Effects,
    MemoryRecorder,
    StoreAway,
    StoredEvent,
    open_recorder,
)
from infra.store.stored import entry_of, is_heard, kept
from infra.stream import frozen
from infra.stream.identity import EVENT_STORE
from schemas.codec import Undecodable
from tests.infra.cut_at_commit import CutAtCommit
from tests.orders import SIGNAL_ID, fill, intent, opened, request, said

ORDER = f"{SIGNAL_ID}/a/open"


@pytest.fixture
def conninfo(postgres: str) -> str:
    return address(postgres)


@pytest.fixture
def store(conninfo: str) -> Iterator[EventStore]:
    with EventStore.open(conninfo) as made:
        yield made


def halt(number: int) -> Message[HaltAccount]:
    return said(HaltAccount(account="a", reason=str(number)), 2 * number)


def resume(number: int) -> Message[ResumeAccount]:
    return said(ResumeAccount(account="a", reason=str(number)), 2 * number + 1)


def test_what_is_decided_is_kept_and_follows_from_its_command(store: EventStore) -> None:
    command = replace(said(request()), position=Position("order-commands", 0, 7))
    (told,) = store.handle(ORDERS, command)
    assert store.load(f"orders:{ORDER}") == (1, (told,))
    assert told.envelope.causation_id == command.envelope.message_id
    assert told.envelope.correlation_id == command.envelope.correlation_id
    assert (told.envelope.source, told.key) == (EVENT_STORE, ORDER)
    assert store.load("orders:another") == (0, ())


def test_a_command_that_is_not_on_the_tape_is_no_cause_but_its_own_cause_is(
    store: EventStore,
) -> None:
    store.handle(ORDERS, said(request()))
    (accepted,) = store.load(f"orders:{ORDER}")[1]
    sent = caused_by(
        accepted, intent(ORDER), source="gateway", sequence="", key=ORDER, step="intend"
    )
    (intended,) = store.handle(ORDERS, sent)
    assert intended.envelope.causation_id == accepted.envelope.message_id
    assert store.handle(ORDERS, sent) == (intended,)


def test_a_command_that_comes_again_gets_the_same_answer(store: EventStore, conninfo: str) -> None:
    first = store.handle(ACCOUNTS, halt(1))
    store.handle(ACCOUNTS, resume(1))
    assert store.handle(ACCOUNTS, halt(1)) == first
    with EventStore.open(conninfo) as another:
        assert another.handle(ACCOUNTS, halt(1)) == first
    kinds = [type(message.event) for message in store.load("accounts:a")[1]]
    assert kinds == [AccountHalted, AccountResumed]


def test_commands_of_a_batch_see_each_other_and_are_one_transaction(store: EventStore) -> None:
    batch = [said(request(), 0), said(intent(ORDER), 1), said(fill(ORDER), 2)]
    answers = store.handle_all([(ORDERS, command) for command in batch])
    assert [len(answer) for answer in answers] == [1, 1, 1]
    log = store.after(0, 10)
    assert [entry.message.event for entry in log if entry.message] == [
        answer[0].event for answer in answers
    ]


def test_the_log_numbers_what_it_gives_out(store: EventStore) -> None:
    store.append("a", 0, [said(opened("a"), 1), said(opened("b"), 2)])
    first, second = store.after(0, 10)
    assert first.message is not None
    assert first.message.envelope.sequence == f"{first.id:016d}"
    assert second.id > first.id
    assert store.after(second.id, 10) == []
    assert store.last_id() == second.id


def test_what_a_saga_heard_is_in_its_journal_and_not_in_the_log(store: EventStore) -> None:
    heard = entry_of("saga:x", 1, said(opened("a")), heard=True)
    store.write(store.draft(), [heard])
    (note,) = store.journals({"saga:x": 0})["saga:x"]
    assert (note.heard, note.message) == (True, said(opened("a")))
    assert [entry.message for entry in store.after(0, 10)] == [None]


def test_an_answer_that_was_lost_at_commit_is_found_again(postgres: str) -> None:
    with EventStore.open(address(postgres)) as straight:
        way = CutAtCommit(postgres)
        with EventStore.open(address(way.dsn)) as cut:
            way.arm()
            with pytest.raises(StoreAway):
                cut.handle(ORDERS, said(request()))
            assert way.cuts == 1
            _, stored = straight.load(f"orders:{ORDER}")
            assert len(stored) == 1
            assert cut.handle(ORDERS, said(request())) == stored
        way.close()
        assert straight.load(f"orders:{ORDER}") == (1, stored)


def test_an_append_whose_answer_was_lost_is_no_conflict(postgres: str) -> None:
    messages = [said(opened("a"))]
    way = CutAtCommit(postgres)
    with EventStore.open(address(way.dsn)) as cut:
        way.arm()
        with pytest.raises(StoreAway):
            cut.append("accounts:a", 0, messages)
        cut.append("accounts:a", 0, messages)
        with pytest.raises(Conflict):
            cut.append("accounts:a", 0, [said(opened("b"))])
        assert cut.load("accounts:a")[0] == 1
    way.close()


def test_a_server_that_hands_over_or_breaks_off_is_away_for_a_while(
    postgres: str, store: EventStore
) -> None:
    def anew(setting: str) -> None:
        """For every connection from now on; those that are open break."""
        others = "datname = current_database() and pid <> pg_backend_pid()"
        end = f"select pg_terminate_backend(pid, 5000) from pg_stat_activity where {others}"
        with psycopg.connect(postgres, autocommit=True) as session:
            session.execute("set default_transaction_read_only = off")
            session.execute(f"alter database {session.info.dbname} {setting}".encode())
            session.execute(end.encode())

    anew("set default_transaction_read_only = on")
    for _ in range(3):
        with pytest.raises(StoreAway):
            store.handle(ACCOUNTS, halt(1))
    anew("reset default_transaction_read_only")
    for _ in range(3):
        with suppress(StoreAway):  # the pool's connections are found to be broken one by one
            store.handle(ACCOUNTS, halt(1))
    assert store.load("accounts:a")[0] == 1


def test_two_processes_at_one_stream_lose_nothing(conninfo: str, store: EventStore) -> None:
    count, stores = 30, [EventStore.open(conninfo) for _ in range(2)]
    orders = [said(request(f"{n}"), n) for n in range(count)]

    def decide(own: EventStore) -> None:
        for order in orders:
            own.handle(ORDERS, order)

    with ThreadPoolExecutor(2) as threads:
        for done in [threads.submit(decide, own) for own in stores]:
            done.result()
    for order in orders:
        assert store.load(f"orders:{order.key}")[0] == 1
    for own in stores:
        own.close()


def test_who_was_slower_reads_again_and_decides_on_what_holds_now(
    conninfo: str, store: EventStore
) -> None:
    with EventStore.open(conninfo) as other:
        store.handle(ACCOUNTS, halt(1))
        other.handle(ACCOUNTS, resume(1))
        (told,) = store.handle(ACCOUNTS, halt(2))
    assert told.event == AccountHalted(account="a", reason="2")
    assert store.load("accounts:a")[0] == 3


def test_a_memory_that_is_old_never_decides_that_nothing_is_to_be_done(
    conninfo: str, store: EventStore
) -> None:
    with EventStore.open(conninfo) as other:
        store.handle(ACCOUNTS, halt(1))
        other.handle(ACCOUNTS, resume(1))
        assert len(store.handle(ACCOUNTS, halt(3))) == 1
        assert other.handle(ACCOUNTS, resume(1)) == (other.load("accounts:a")[1][1],)


def test_a_conflict_that_cannot_be_won_is_told_after_a_few_attempts() -> None:
    class Busy(MemoryRecorder):
        attempts = 0

        def insert(self, *_: object) -> list[int]:
            self.attempts += 1
            raise Conflict("taken")

    recorder = Busy()
    with pytest.raises(Conflict):
        EventStore(recorder).handle(ORDERS, said(request()))
    assert recorder.attempts == ATTEMPTS_MAX


def test_a_zombie_s_decisions_are_lost_with_its_place(conninfo: str, store: EventStore) -> None:
    with connect(conninfo) as connection:
        offsets.resume(connection, "me", "t", 0, 0)
    step = Effects("me", (Advance("t", 0, 0, 1),))
    with EventStore.open(conninfo) as zombie:
        store.handle_all([(ORDERS, said(request("a")))], step)
        with pytest.raises(Superseded):
            zombie.handle_all([(ORDERS, said(request("b")))], step)
    assert store.load(f"orders:{SIGNAL_ID}/b/open") == (0, ())


def test_a_reader_that_follows_twelve_writers_misses_nothing(
    conninfo: str, store: EventStore
) -> None:
    writers, batches = 12, 15
    seen: list[int] = []
    over = threading.Event()

    def write(number: int) -> list[int]:
        own = open_recorder(conninfo, pool_size=1)
        told: list[int] = []
        for batch in range(batches):
            size = 1 if batch % 2 else 20
            stream = f"{number}/{batch}"
            entries = [entry_of(stream, v, said(opened("a"), v)) for v in range(1, size + 1)]
            told += own.insert(entries)
        own.close()
        return told

    def follow() -> None:
        while not over.is_set() or store.last_id() > (seen[-1] if seen else 0):
            seen.extend(entry.id for entry in store.after(seen[-1] if seen else 0, 50))

    with ThreadPoolExecutor(writers + 1) as threads:
        follower = threads.submit(follow)
        written = [threads.submit(write, number) for number in range(writers)]
        told = [entry_id for each in written for entry_id in each.result()]
        over.set()
        follower.result()
    assert seen == sorted(told)


@pytest.mark.parametrize("value", ["y", "yes", "True", "1"])
def test_the_library_s_database_functions_are_refused(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("POSTGRES_ENABLE_DB_FUNCTIONS", value)
    with pytest.raises(RuntimeError, match="POSTGRES_ENABLE_DB_FUNCTIONS is set; unset it"):
        open_recorder(address("postgresql://nowhere/x"))


def test_entries_of_another_layout_are_refused() -> None:
    entry = entry_of("a", 1, said(opened("a")))
    assert kept(entry).message == said(opened("a"))
    assert not is_heard(entry)
    with pytest.raises(Undecodable, match="a@1: format 02, not 01"):
        kept(StoredEvent("a", 1, entry.topic, b"\x02" + entry.state[1:]))


def test_an_entry_of_an_older_version_is_read_with_the_schema_it_was_written_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[tuple[str, int]] = []
    writer_of = frozen.writer_of

    def note(name: str, version: int) -> Any:
        asked.append((name, version))
        return writer_of(name, version)

    monkeypatch.setattr(frozen, "writer_of", note)
    kept(entry_of("a", 1, said(opened("a"))))
    assert asked == [("AccountOpened", frozen.version_of(AccountOpened))]
    monkeypatch.setattr(frozen, "version_of", lambda _: 99)
    with pytest.raises(Undecodable, match="AccountOpened has no version 99"):
        kept(entry_of("a", 1, said(opened("a"))))
