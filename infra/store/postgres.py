"""Connections to Postgres: where our tables live, how long anything may take, how tables are made.

Every table stands in one schema, named after the namespace, so that copies can share a database.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from itertools import count
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.sql import SQL, Identifier
from psycopg_pool import ConnectionPool

from infra.store import rights

DEFAULT_SCHEMA = "tapedeck"
CONNECT_TIMEOUT_S = 3
POOL_WAIT_S = 3.0
STATEMENT_TIMEOUT_MS = 30_000
LOCK_TIMEOUT_MS = 2_000
IDLE_IN_TRANSACTION_MS = 15_000
MIGRATION_WAIT_MS = 60_000
MIGRATION_LOCK = "migration"

AWAY = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.IdleInTransactionSessionTimeout,  # we were frozen with a transaction open
    psycopg.errors.ReadOnlySqlTransaction,  # another server takes over
)
"""The database cannot be reached, or broke off: try again. What was asked may have been done."""

Connection = psycopg.Connection[tuple[Any, ...]]
Cursor = psycopg.Cursor[Any]
Pool = ConnectionPool[Connection]


def address(dsn: str, namespace: str = "", statement_timeout_ms: int = STATEMENT_TIMEOUT_MS) -> str:
    """The connection string of a copy: its own schema on the path, a timeout on everything."""
    settings = {
        "search_path": _schema_name(namespace),
        "statement_timeout": statement_timeout_ms,
        "lock_timeout": LOCK_TIMEOUT_MS,
        "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION_MS,
        "timezone": "UTC",
    }
    given = conninfo_to_dict(dsn)
    options = [str(given.pop("options", "") or ""), *(f"-c {k}={v}" for k, v in settings.items())]
    given.setdefault("connect_timeout", CONNECT_TIMEOUT_S)
    given.setdefault("application_name", "tapedeck")
    given.setdefault("keepalives_idle", 5)
    return make_conninfo("", **given, options=" ".join(filter(None, options)))


def schema_of(conninfo: str) -> str:
    """The schema that holds the tables of this connection string."""
    options = str(conninfo_to_dict(conninfo).get("options", ""))
    return options.split("search_path=", 1)[1].split(" ", 1)[0]


def connect(conninfo: str) -> Connection:
    """One connection that commits each statement by itself unless a transaction is opened.

    It reads and writes rows, and cannot change tables (`rights.py`).
    """
    connection = owner(conninfo)
    try:
        rights.give_up(connection, schema_of(conninfo))
    except BaseException:
        connection.close()
        raise
    return connection


def owner(conninfo: str) -> Connection:
    """The same, of who makes, changes and drops tables."""
    return psycopg.connect(conninfo, autocommit=True)


def open_pool(conninfo: str, size_max: int = 4) -> Pool:
    """A bounded pool. Whoever waits longer than `POOL_WAIT_S` for a connection gets an error.

    It opens without a database being there, so that a role can start first and wait. A connection
    that has broken is found out at its next use, which fails as `AWAY`, and is replaced.
    """
    return ConnectionPool(
        conninfo,
        kwargs={"autocommit": True},
        configure=lambda connection: rights.give_up(connection, schema_of(conninfo)),
        min_size=1,
        max_size=size_max,
        timeout=POOL_WAIT_S,
        reconnect_timeout=10 * POOL_WAIT_S,
        open=True,
    )


@contextmanager
def migration(conninfo: str) -> Iterator[Connection]:
    """A connection to our schema while no other process is changing its tables."""
    ours = schema_of(conninfo)
    with owner(conninfo) as connection:
        connection.execute(f"set lock_timeout = {MIGRATION_WAIT_MS}".encode())
        connection.execute("select pg_advisory_lock(%s)", (lock_id(conninfo, MIGRATION_LOCK),))
        with connection.transaction():
            connection.execute(SQL("create schema if not exists {}").format(Identifier(ours)))
            rights.prepare(connection, ours)
        yield connection


def migrate(conninfo: str, *statements: str) -> None:
    """Run statements that may be run again (`create … if not exists`), one process at a time."""
    with migration(conninfo) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def lock_id(conninfo: str, name: str) -> int:
    """The number of an advisory lock of this copy: two namespaces never lock each other out."""
    digest = sha256(f"tapedeck/{schema_of(conninfo)}/{name}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def try_lock(connection: Connection, conninfo: str, name: str) -> bool:
    """Take the advisory lock `name` for as long as the connection lives, unless another holds it.

    When the process dies, however it dies, the server frees the lock.
    """
    number = lock_id(conninfo, name)
    held = connection.execute("select pg_try_advisory_lock(%s)", (number,)).fetchone()
    return held is not None and bool(held[0])


def free_slot(connection: Connection, conninfo: str, name: str) -> int:
    """Lock the lowest number that no other process of this name holds.

    A process that is killed and started again gets its old number back, and with it its old place
    in the consumer group, at once.
    """
    return next(n for n in count() if try_lock(connection, conninfo, f"{name}/{n}"))


def _schema_name(namespace: str) -> str:
    """A name that needs no quotes, as not everyone who uses it quotes it."""
    if not namespace:
        return DEFAULT_SCHEMA
    plain = "".join(letter if letter.isalnum() else "_" for letter in namespace)
    digest = sha256(namespace.encode()).hexdigest()[:8]
    return f"t_{plain}" if plain == namespace else f"t_{plain}_{digest}"
