"""Where a consumer stands, and what it has seen before."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from events.envelope import Event, Message, first_cause
from infra.store import offsets
from infra.store.offsets import Advance, Cursors, Superseded
from infra.store.postgres import Connection, address, connect, migrate
from infra.stream.identity import EVENT_STORE
from tests.orders import opened


@pytest.fixture
def connection(postgres: str) -> Iterator[Connection]:
    """A connection to a database with our two tables."""
    conninfo = address(postgres)
    migrate(conninfo, *offsets.DDL)
    with connect(conninfo) as session:
        yield session


def message(sequence: str, source: str = "s", key: str = "a") -> Message[Event]:
    return first_cause(opened(key), source=source, sequence=sequence, key=key, time_us=0)


def sequences(messages: list[Message[Event]]) -> list[str]:
    return [m.envelope.sequence for m in messages]


def write(connection: Connection, *steps: Advance) -> None:
    with connection.transaction(), connection.cursor() as cursor:
        offsets.advance(cursor, "me", steps)


def test_a_new_consumer_begins_where_it_is_told_and_stays_there(connection: Connection) -> None:
    assert offsets.resume(connection, "me", "t", 0, 3).next_offset == 3
    assert offsets.resume(connection, "me", "t", 0, 9).next_offset == 3


def test_offsets_and_marks_come_back(connection: Connection) -> None:
    at = offsets.resume(connection, "me", "t", 0, 0)
    step = at.advanced([message("1"), message("2"), message("7", EVENT_STORE, "x")], 3)
    write(connection, step)
    at.take(step)
    again = offsets.resume(connection, "me", "t", 0, 0)
    assert (again.next_offset, again.marks) == (3, {("s", "a"): "2", (EVENT_STORE, ""): "7"})
    assert again == at
    assert offsets.resume(connection, "you", "t", 0, 0).marks == {}


def test_marks_only_move_on(connection: Connection) -> None:
    at = offsets.resume(connection, "me", "t", 0, 0)
    for number, sequence in enumerate(["1", "2"]):
        step = at.advanced([message(sequence)], number + 1)
        write(connection, step)
        at.take(step)
    assert offsets.resume(connection, "me", "t", 0, 0).marks == {("s", "a"): "2"}


def test_of_two_that_stand_at_one_place_one_loses(connection: Connection) -> None:
    offsets.resume(connection, "me", "t", 0, 0)
    write(connection, Advance("t", 0, 0, 5))
    with pytest.raises(Superseded, match="t/0 at 0"):
        write(connection, Advance("t", 0, 0, 5, ((("s", "a"), "9"),)))
    at = offsets.resume(connection, "me", "t", 0, 0)
    assert (at.next_offset, at.marks) == (5, {})


def test_losing_one_partition_loses_the_transaction(connection: Connection) -> None:
    for partition in (0, 1):
        offsets.resume(connection, "me", "t", partition, 0)
    with pytest.raises(Superseded):
        write(connection, Advance("t", 0, 0, 1), Advance("t", 1, 7, 8))
    assert offsets.resume(connection, "me", "t", 0, 0).next_offset == 0


def test_it_works_in_a_pipeline(connection: Connection) -> None:
    offsets.resume(connection, "me", "t", 0, 0)
    with connection.pipeline():
        write(connection, Advance("t", 0, 0, 1))
        with pytest.raises(Superseded):
            write(connection, Advance("t", 0, 0, 1))
    assert offsets.resume(connection, "me", "t", 0, 0).next_offset == 1


def test_a_repeat_is_recognised_by_its_sequence() -> None:
    at = Cursors("t", 0, 0, {("s", "a"): "0005"})
    fresh = at.fresh([message("0004"), message("0005"), message("0006"), message("0006")])
    assert sequences(fresh) == ["0006"]


def test_sequences_count_per_source_and_key() -> None:
    at = Cursors("t", 0, 0, {("s", "a"): "5"})
    fresh = at.fresh([message("1", "other"), message("2", "s", "b"), message("3")])
    assert sequences(fresh) == ["1", "2"]


def test_the_event_store_counts_over_all_keys() -> None:
    at = Cursors("t", 0, 0, {})
    mixed = [message("1", EVENT_STORE, "a"), message("3", EVENT_STORE, "b")]
    late = message("2", EVENT_STORE, "a")
    assert sequences(at.fresh([*mixed, late])) == ["1", "3"]
    assert at.advanced(mixed, 2).marks == (((EVENT_STORE, ""), "3"),)


def test_what_is_pending_is_written_with_the_next_step() -> None:
    at = Cursors("t", 0, 5)
    at.pending = at.advanced([message("1")], 6)
    assert (at.next_offset, at.read_to) == (5, 6)
    assert sequences(at.fresh([message("1"), message("2")])) == ["2"]
    step = at.advanced([message("2")], 7)
    assert step == Advance("t", 0, 5, 7, ((("s", "a"), "2"),))
    at.take(step)
    assert (at.next_offset, at.read_to) == (7, 7)
