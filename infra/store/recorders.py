"""Where events are kept: eventsourcing's process recorders, used bare, over Postgres or in memory.

What a consumer has read (`Effects`) is written in the transaction of the events it caused. The
library's own statements insert: they lock the table, so that the order of ids is the order of
commits and a reader that follows the log misses nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import psycopg
from eventsourcing.persistence import (
    IntegrityError,
    Notification,
    PersistenceError,
    StoredEvent,
)
from eventsourcing.popo import POPOProcessRecorder
from eventsourcing.postgres import PostgresDatastore, PostgresProcessRecorder
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row

from infra.store import offsets, rights
from infra.store.offsets import Advance, Superseded
from infra.store.postgres import AWAY, POOL_WAIT_S, migration, schema_of

__all__ = ["Conflict", "Effects", "MemoryRecorder", "Notification", "Recorder", "StoredEvent"]

EVENTS_TABLE = "stored_events"
LOCK_TIMEOUT_S = 2
IDLE_IN_TRANSACTION_S = 15.0
FORBIDDEN = "POSTGRES_ENABLE_DB_FUNCTIONS"

Versions = Mapping[str, int]


class Conflict(Exception):
    """One of these versions of a stream is taken."""


class StoreAway(psycopg.OperationalError):
    """The event store cannot be reached, or broke off: what was asked may have been done."""


@dataclass(frozen=True, slots=True)
class Effects:
    """What must become true together with the events: a consumer's steps, and plain statements."""

    consumer: str = ""
    steps: tuple[Advance, ...] = ()
    statements: tuple[tuple[str, tuple[Any, ...]], ...] = ()


NOTHING = Effects()


class Recorder(Protocol):
    """The port: streams of versioned entries, and the one log of them all."""

    def insert(self, entries: Sequence[StoredEvent], effects: Effects = NOTHING) -> list[int]:
        """All or nothing; the ids in the log. `Conflict` or `Superseded` if it may not be."""

    def streams_after(self, versions: Versions) -> list[StoredEvent]:
        """The entries of these streams beyond these versions, in order per stream."""

    def log_after(self, entry_id: int, limit: int) -> list[Notification]:
        """Entries of all streams in the order of their commits. Ids can have holes."""

    def last_id(self) -> int:
        """Id of the latest entry; 0 if there is none."""

    def close(self) -> None:
        """Give connections back."""


class PostgresRecorder(PostgresProcessRecorder):
    """`Recorder` over Postgres.

    The library's decorator retries ten times on a lost connection, without looking whether the
    first attempt was committed. We call the functions under it: the caller decides and can stop.
    """

    def insert(self, entries: Sequence[StoredEvent], effects: Effects = NOTHING) -> list[int]:
        """All of it goes to the server at once, COMMIT included: the table is locked for as long as
        the server needs, and not until this process has had its turn to answer."""
        with (
            _translated(),
            self.datastore.get_connection() as connection,
            connection.cursor() as adding,
            connection.cursor() as cursor,
        ):
            with offsets.refusing(effects.consumer, effects.steps), connection.pipeline():
                cursor.execute("BEGIN")
                offsets.post(cursor, effects.consumer, effects.steps)
                for sql, parameters in effects.statements:
                    cursor.execute(sql.encode(), parameters)
                if entries:
                    self._insert_stored_events(adding, entries)
                cursor.execute("COMMIT")
            return [row["notification_id"] for row in adding.fetchall()] if entries else []

    def streams_after(self, versions: Versions) -> list[StoredEvent]:
        with _translated(), self.datastore.get_connection() as connection:
            rows = connection.execute(
                f"""
                select e.* from unnest(%s::text[], %s::bigint[]) as known (stream, version)
                join {EVENTS_TABLE} e
                  on e.originator_id = known.stream and e.originator_version > known.version
                order by e.originator_id, e.originator_version
                """,
                (list(versions), list(versions.values())),
                prepare=True,
            ).fetchall()
        return [
            StoredEvent(r["originator_id"], r["originator_version"], r["topic"], bytes(r["state"]))
            for r in rows
        ]

    def log_after(self, entry_id: int, limit: int) -> list[Notification]:
        select = _bare(PostgresProcessRecorder.select_notifications)
        with _translated():
            return list(select(self, entry_id, limit, inclusive_of_start=False))

    def last_id(self) -> int:
        with _translated():
            return _bare(PostgresProcessRecorder.max_notification_id)(self) or 0

    def close(self) -> None:
        self.datastore.close()


class MemoryRecorder(POPOProcessRecorder):
    """`Recorder` in the memory of this process: for tests and simulations."""

    def __init__(self) -> None:
        super().__init__()
        self._next_offsets: dict[tuple[str, str, int], int] = {}

    def insert(self, entries: Sequence[StoredEvent], effects: Effects = NOTHING) -> list[int]:
        if effects.statements:
            raise ValueError("statements need a database; give steps only")
        with self._database_lock:
            moved = self._moved(effects)
            with _translated():
                ids = self.insert_events(entries)
            self._next_offsets.update(moved)
        return list(ids or ())

    def _moved(self, effects: Effects) -> dict[tuple[str, str, int], int]:
        moved = {}
        for step in effects.steps:
            place = (effects.consumer, step.topic, step.partition)
            if self._next_offsets.get(place, step.old) != step.old:
                raise Superseded(f"{effects.consumer}: {step.topic}/{step.partition} has moved on")
            moved[place] = step.new
        return moved

    def streams_after(self, versions: Versions) -> list[StoredEvent]:
        found = (self.select_events(stream, gt=version) for stream, version in versions.items())
        return [entry for entries in found for entry in entries]

    def log_after(self, entry_id: int, limit: int) -> list[Notification]:
        return list(self.select_notifications(entry_id, limit, inclusive_of_start=False))

    def last_id(self) -> int:
        return self.max_notification_id() or 0

    def close(self) -> None:
        """Nothing is held."""


def open_recorder(conninfo: str, pool_size: int = 2) -> PostgresRecorder:
    """The recorder of a copy. Its tables are made if they are missing.

    `RuntimeError` if the library's database functions are asked for: they insert without the lock,
    so that a reader of the log would miss events.
    """
    if os.environ.get(FORBIDDEN, "").strip().lower() not in (
        "",
        "n",
        "no",
        "f",
        "false",
        "off",
        "0",
    ):
        raise RuntimeError(f"{FORBIDDEN} is set; unset it: the relay would miss events")
    ours = schema_of(conninfo)
    with migration(conninfo) as connection:
        for statement in offsets.DDL:
            connection.execute(statement.encode())
        with closing(_recorder(conninfo, PostgresDatastore, 1)) as making:
            making.create_table()
        rights.only_grows(connection, ours, ours, EVENTS_TABLE)
    recorder = _recorder(conninfo, Runtime, pool_size)
    recorder.datastore.register_type_adapters()
    return recorder


class Runtime(PostgresDatastore):
    """The library's, with no more rights than our processes have."""

    def after_connect_func(self) -> Callable[[Any], None]:
        """What is done with each new connection."""
        prepared, schema = super().after_connect_func(), self.schema

        def connected(connection: Any) -> None:
            prepared(connection)
            rights.give_up(connection, schema)

        return connected


def _recorder(conninfo: str, kind: type[PostgresDatastore], pool_size: int) -> PostgresRecorder:
    parts = conninfo_to_dict(conninfo)
    datastore = kind(
        *(str(parts.get(name) or "") for name in ("dbname", "host", "port", "user", "password")),
        schema=schema_of(conninfo),
        originator_id_type="text",
        pool_size=pool_size,
        connect_timeout=POOL_WAIT_S,
        lock_timeout=LOCK_TIMEOUT_S,
        idle_in_transaction_session_timeout=IDLE_IN_TRANSACTION_S,
    )
    datastore.pool.kwargs = {**parts, "row_factory": dict_row}
    return PostgresRecorder(datastore, events_table_name=EVENTS_TABLE)


def _bare(retried: Callable[..., Any]) -> Callable[..., Any]:
    bare: Callable[..., Any] = retried.__wrapped__  # type: ignore[attr-defined] # set by functools.wraps
    return bare


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except IntegrityError as taken:
        raise Conflict(str(taken)) from taken
    except PersistenceError as lost:
        if isinstance(lost.__cause__, AWAY):
            raise StoreAway(str(lost)) from lost
        raise
