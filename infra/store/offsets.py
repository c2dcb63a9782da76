"""Where each consumer stands on the tape, kept in Postgres with the effects of what it has read.

Three tables. `offsets`: the next offset of a partition, advanced by compare-and-swap, so that of
two processes which both believe to own a partition one loses. `marks`: the highest `sequence` seen
per source, by which a message that was produced twice is recognised. `topic_ids`: what Kafka calls
the topics that all of this is about, by which one that was made anew is recognised.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from psycopg import Cursor
from psycopg.errors import NotNullViolation

from events.envelope import E, Event, Message
from infra.store.postgres import Connection
from infra.stream.identity import EVENT_STORE

DDL = (
    """
    create table if not exists offsets (
        consumer text not null, topic text not null, partition integer not null,
        next_offset bigint not null, primary key (consumer, topic, partition)
    ) with (fillfactor = 50)
    """,
    """
    create table if not exists marks (
        consumer text not null, topic text not null, partition integer not null,
        source text not null, key text not null, sequence text collate "C" not null,
        primary key (consumer, topic, partition, source, key)
    ) with (fillfactor = 50)
    """,
    "create table if not exists topic_ids (topic text primary key, topic_id text not null)",
)

MarkKey = tuple[str, str]
"""Source and key; the key is empty where the source counts over all keys."""


class Superseded(Exception):
    """Another process has advanced this partition: it is the owner now, and nothing was written."""


@dataclass(frozen=True, slots=True)
class Advance:
    """One partition has been read from `old` up to, not including, `new`, with these marks."""

    topic: str
    partition: int
    old: int
    new: int
    marks: tuple[tuple[MarkKey, str], ...] = ()


@dataclass(slots=True)
class Cursors:
    """What one consumer has read of one partition: the next offset, and the marks it has set.

    `pending`: the step over what has been read since, which is still to be written.
    """

    topic: str
    partition: int
    next_offset: int
    marks: dict[MarkKey, str] = field(default_factory=dict)
    pending: Advance | None = None

    @property
    def read_to(self) -> int:
        """The next offset to be read."""
        return self.next_offset if self.pending is None else self.pending.new

    def fresh(self, messages: Iterable[Message[E]]) -> list[Message[E]]:
        """Those that have not been read before, here or earlier among themselves."""
        kept, seen = [], {**self.marks, **self._pending_marks()}
        for message in messages:
            key, sequence = mark_key(message), message.envelope.sequence
            if sequence > seen.get(key, ""):
                seen[key] = sequence
                kept.append(message)
        return kept

    def advanced(self, fresh: Iterable[Message[Event]], new: int) -> Advance:
        """The step over what is pending and `fresh` messages to offset `new`."""
        highest = {mark_key(message): message.envelope.sequence for message in fresh}
        marks = tuple(sorted({**self._pending_marks(), **highest}.items()))
        return Advance(self.topic, self.partition, self.next_offset, new, marks)

    def take(self, step: Advance) -> None:
        """Remember a step that has been committed."""
        self.next_offset = step.new
        self.marks.update(step.marks)
        self.pending = None

    def _pending_marks(self) -> dict[MarkKey, str]:
        return {} if self.pending is None else dict(self.pending.marks)


def mark_key(message: Message[Event]) -> MarkKey:
    """What the sequence of a message counts over.

    The event store numbers everything it publishes in one row, so one mark per partition is enough
    and does not grow with the number of orders.
    """
    return mark_of(message.envelope.source, message.key)


def mark_of(source: str, key: str) -> MarkKey:
    """The same of a source and a key."""
    return source, "" if source == EVENT_STORE else key


def advance(cursor: Cursor[Any], consumer: str, steps: Sequence[Advance]) -> None:
    """Move on, inside the caller's transaction; `Superseded` if a partition is not as we left it.

    Works in pipeline mode too.
    """
    if steps:
        with refusing(consumer, steps):
            post(cursor, consumer, steps)
            cursor.fetchall()


def post(cursor: Cursor[Any], consumer: str, steps: Sequence[Advance]) -> None:
    """As `advance`, without waiting for the answer: in a pipeline, `refusing` hears it.

    Where a partition is not as we left it, a row is made that the table refuses: the database ends
    the transaction by itself, and nobody has to look before the effects are sent.
    """
    if not steps:
        return
    _set_marks(cursor, consumer, steps)
    cursor.execute(
        """
        with moved as (
          update offsets set next_offset = step.new
          from unnest(%s::text[], %s::int[], %s::bigint[], %s::bigint[])
            as step (topic, partition, old, new)
          where consumer = %s and offsets.topic = step.topic and offsets.partition = step.partition
            and next_offset = step.old
          returning 1
        )
        insert into offsets (consumer) select %s from moved having count(*) < %s returning 1
        """,
        (
            *_columns([(s.topic, s.partition, s.old, s.new) for s in steps]),
            *(consumer, consumer, len(steps)),
        ),
    )


@contextmanager
def refusing(consumer: str, steps: Sequence[Advance]) -> Iterator[None]:
    """`Superseded` if the database refuses what was posted inside."""
    try:
        yield
    except NotNullViolation as refused:
        if refused.diag.table_name != "offsets":
            raise
        places = ", ".join(f"{s.topic}/{s.partition} at {s.old}" for s in steps)
        text = f"{consumer}: another process has advanced one of {places}"
        raise Superseded(text) from refused


def resume(
    connection: Connection, consumer: str, topic: str, partition: int, first: int
) -> Cursors:
    """Where the consumer goes on: its stored offset, or `first` (which is stored) if it is new."""
    who = (consumer, topic, partition)
    connection.execute(
        "insert into offsets values (%s, %s, %s, %s) on conflict do nothing", (*who, first)
    )
    place = "consumer = %s and topic = %s and partition = %s"
    row = connection.execute(f"select next_offset from offsets where {place}".encode(), who)
    ((next_offset,),) = row.fetchall()
    marks = f"select source, key, sequence from marks where {place}".encode()
    seen = {(source, key): last for source, key, last in connection.execute(marks, who)}
    return Cursors(topic, partition, next_offset, seen)


def reached(connection: Connection, consumer: str, topic: str, partition: int) -> int:
    """The next offset of a consumer; 0 if it has never been there."""
    row = connection.execute(
        "select next_offset from offsets where consumer = %s and topic = %s and partition = %s",
        (consumer, topic, partition),
    ).fetchone()
    return 0 if row is None else int(row[0])


def standing(connection: Connection, consumer: str) -> dict[tuple[str, int], int]:
    """The next offset of each partition that a consumer has been at."""
    sql = "select topic, partition, next_offset from offsets where consumer = %s"
    found = connection.execute(sql, (consumer,))
    return {(topic, partition): offset for topic, partition, offset in found}


def rename(connection: Connection, consumer: str, name: str) -> None:
    """Give a consumer's places another name."""
    for table in ("offsets", "marks"):
        sql = f"update {table} set consumer = %s where consumer = %s"
        connection.execute(sql.encode(), (name, consumer))


def forget(connection: Connection, consumer: str) -> None:
    """Let a consumer never have been anywhere."""
    for table in ("offsets", "marks"):
        connection.execute(f"delete from {table} where consumer = %s".encode(), (consumer,))


def replaced(connection: Connection, topic_ids: Mapping[str, str]) -> frozenset[str]:
    """Those topics that were made anew since somebody first stood somewhere on them."""
    asked = (list(topic_ids), list(topic_ids.values()))
    connection.execute(
        "insert into topic_ids select * from unnest(%s::text[], %s::text[]) on conflict do nothing",
        asked,
    )
    known = connection.execute(
        "select topic, topic_id from topic_ids where topic = any(%s)", asked[:1]
    )
    return frozenset(topic for topic, topic_id in known if topic_ids[topic] != topic_id)


def _set_marks(cursor: Cursor[Any], consumer: str, steps: Sequence[Advance]) -> None:
    rows = [
        (step.topic, step.partition, source, key, sequence)
        for step in steps
        for (source, key), sequence in step.marks
    ]
    if not rows:
        return
    cursor.execute(
        """
        insert into marks
        select %s, * from unnest(%s::text[], %s::int[], %s::text[], %s::text[], %s::text[])
        on conflict (consumer, topic, partition, source, key)
          do update set sequence = excluded.sequence
        """,
        (consumer, *_columns(rows)),
    )


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
