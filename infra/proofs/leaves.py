"""Leaves in Postgres: tables that only grow, and the one who writes a log.

A leaf is inserted in the transaction that records its message and moves the offset past it. Its
index is the next of its log, and the key of the table refuses a second one: a writer that was
thought dead loses its whole transaction, as with offsets. Where a message has a leaf already (a
read model that is built anew reads the tape from the start) none is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from psycopg.errors import UniqueViolation
from psycopg.sql import SQL, Identifier

from events.envelope import Message
from infra.proofs.leaf import leaf_of
from infra.store import rights
from infra.store.offsets import Superseded
from infra.store.postgres import Connection, Cursor, migration, schema_of

TABLES = ("proof_leaves", "proof_tiles", "proof_checkpoints", "proof_cosignatures")
DDL = (
    """
    create table if not exists proof_leaves (
        log text collate "C" not null, "index" bigint not null, "offset" bigint not null,
        message_id text collate "C" not null, data bytea not null, primary key (log, "index")
    )
    """,
    "create index if not exists proof_leaves_message on proof_leaves (message_id)",
    """
    create table if not exists proof_tiles (
        log text collate "C" not null, level integer not null, "index" bigint not null,
        hashes bytea not null, primary key (log, level, "index")
    )
    """,
    """
    create table if not exists proof_checkpoints (
        log text collate "C" not null, size bigint not null, signed_at_us bigint not null,
        note text not null, primary key (log, size)
    )
    """,
    """
    create table if not exists proof_cosignatures (
        log text collate "C" not null, size bigint not null, witness text not null,
        line text not null, primary key (log, size, witness)
    )
    """,
)


def prepare(conninfo: str) -> None:
    """Make the tables that are missing, and let them only grow."""
    with migration(conninfo) as connection:
        for statement in DDL:
            connection.execute(statement.encode())
        ours = schema_of(conninfo)
        rights.only_grows(connection, ours, ours, *TABLES)


def log_of(topic: str, partition: int) -> str:
    """The log of a partition."""
    return f"{topic}/{partition}"


@dataclass(slots=True)
class Head:
    """Where a log ends: the index of its next leaf, and the offset after that of the last one."""

    index: int = 0
    offset: int = 0


@dataclass(slots=True)
class Batch:
    """Columns of the leaves that are to be written."""

    logs: list[str] = field(default_factory=list)
    indexes: list[int] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    message_ids: list[str] = field(default_factory=list)
    data: list[bytes] = field(default_factory=list)

    def add(self, log: str, index: int, offset: int, message_id: str, data: bytes) -> None:
        """One leaf more."""
        self.logs.append(log)
        self.indexes.append(index)
        self.offsets.append(offset)
        self.message_ids.append(message_id)
        self.data.append(data)


class Appender:
    """The writer of the logs of some partitions, from where they end.

    After an exception it is to be thrown away with whoever holds it, and made again.
    """

    def __init__(
        self, connection: Connection, conninfo: str, places: Iterable[tuple[str, int]]
    ) -> None:
        self._conninfo = conninfo
        self._heads = heads(connection, [log_of(*place) for place in places])
        self._batch = Batch()

    def add(self, message: Message[Any], value: bytes) -> None:
        """Make a leaf of a message, whose record has this value, unless it has one already."""
        position = message.position
        assert position is not None  # it was read from the tape
        name = log_of(position.topic, position.partition)
        head = self._heads[name]
        if position.offset < head.offset:
            return
        message_id, data = message.envelope.message_id, leaf_of(message, value)
        self._batch.add(name, head.index, position.offset, message_id, data)
        head.index, head.offset = head.index + 1, position.offset + 1

    def cut(self) -> Batch:
        """Those that were made since, for `insert`."""
        batch, self._batch = self._batch, Batch()
        return batch

    def send(self, cursor: Cursor) -> None:
        """Insert them inside the caller's transaction; works in a pipeline."""
        insert(cursor, self._conninfo, self.cut())

    @staticmethod
    @contextmanager
    def refusing() -> Iterator[None]:
        """`Superseded` if another has written the same leaves meanwhile."""
        try:
            yield
        except UniqueViolation as taken:
            if taken.diag.table_name != "proof_leaves":
                raise
            raise Superseded("another process has written leaves of this log") from taken


def insert(cursor: Cursor, conninfo: str, batch: Batch) -> None:
    """Add leaves, if there are any."""
    if not batch.logs:
        return
    cursor.execute(
        SQL(
            "insert into {}.proof_leaves select * from"
            " unnest(%b::text[], %b::bigint[], %b::bigint[], %b::text[], %b::bytea[])"
        ).format(Identifier(schema_of(conninfo))),
        (batch.logs, batch.indexes, batch.offsets, batch.message_ids, batch.data),
    )


def heads(connection: Connection, logs: list[str]) -> dict[str, Head]:
    """Where these logs end."""
    rows = connection.execute(
        """
        select log, last."index" + 1, last."offset" + 1 from unnest(%s::text[]) as log,
        lateral (select "index", "offset" from proof_leaves l where l.log = log.log
                 order by "index" desc limit 1) as last
        """,
        (logs,),
    ).fetchall()
    return {log: Head() for log in logs} | {log: Head(index, at) for log, index, at in rows}
