"""Where read models stand in Postgres: a schema per version, and one that shows the live ones.

Version 2 is built in its own schema beside version 1. What readers see are views in the schema
`…_read`, which are pointed at another version in one transaction.
"""

from __future__ import annotations

from hashlib import sha256

from psycopg.sql import SQL, Identifier

from infra.store import offsets
from infra.store.postgres import Connection, Cursor, migration, schema_of
from projections.projection import Projection

DDL = "create table if not exists read_models (name text primary key, version integer not null)"
PREFIX_CHARS_MAX = 40
"""Postgres cuts names off at 63 characters."""


def schema_for(conninfo: str, projection: Projection) -> str:
    """The schema that holds the tables of this version."""
    return f"{prefix(conninfo)}_{projection.name}_v{projection.version}"


def read_schema(conninfo: str) -> str:
    """The schema of the views that readers use."""
    return f"{prefix(conninfo)}_read"


def prepare(conninfo: str, projections: tuple[Projection, ...]) -> None:
    """Make what is missing: our own tables, and the tables of versions that are new here.

    The first version of a read model is shown at once, a later one when `show` is called.
    """
    with migration(conninfo) as connection:
        for statement in (*offsets.DDL, DDL):
            connection.execute(statement.encode())
        reading = Identifier(read_schema(conninfo))
        connection.execute(SQL("create schema if not exists {}").format(reading))
        for projection in projections:
            with connection.transaction():
                _build(connection, conninfo, projection)
            if live_version(connection, projection) is None:
                show(connection, conninfo, projection)


def show(connection: Connection, conninfo: str, projection: Projection) -> None:
    """Let readers see this version from now on."""
    with connection.transaction():
        if live_version(connection, projection) != projection.version:
            _point(connection, conninfo, projection)


def live_version(connection: Connection, projection: Projection) -> int | None:
    """The version that readers see."""
    row = connection.execute(
        "select version from read_models where name = %s", (projection.name,)
    ).fetchone()
    return None if row is None else int(row[0])


def enter(cursor: Cursor, conninfo: str, projection: Projection) -> None:
    """Let the rest of this transaction see the tables of this version first.

    It need not wait for the disk: should the server die, rows and offsets are lost together, and
    the tape is read again from there.
    """
    path = SQL(", ").join(map(Identifier, (schema_for(conninfo, projection), schema_of(conninfo))))
    cursor.execute(SQL("set local search_path to ") + path)
    cursor.execute("set local synchronous_commit to off")


def _build(connection: Connection, conninfo: str, projection: Projection) -> None:
    schema = schema_for(conninfo, projection)
    found = connection.execute("select 1 from pg_namespace where nspname = %s", (schema,))
    if found.fetchone() is not None:
        return
    connection.execute(SQL("create schema {}").format(Identifier(schema)))
    with connection.cursor() as cursor:
        enter(cursor, conninfo, projection)
        cursor.execute(projection.ddl.encode())


def _point(connection: Connection, conninfo: str, projection: Projection) -> None:
    shown, held = read_schema(conninfo), schema_for(conninfo, projection)
    for name in projection.shows:
        view, relation = Identifier(shown, name), Identifier(held, name)
        connection.execute(SQL("drop view if exists {}").format(view))
        connection.execute(SQL("create view {} as select * from {}").format(view, relation))
    connection.execute(
        "insert into read_models values (%s, %s)"
        " on conflict (name) do update set version = excluded.version",
        (projection.name, projection.version),
    )


def prefix(conninfo: str) -> str:
    """What the names of all schemas beside our own begin with."""
    schema = schema_of(conninfo)
    if len(schema) <= PREFIX_CHARS_MAX:
        return schema
    return f"{schema[: PREFIX_CHARS_MAX - 13]}_{sha256(schema.encode()).hexdigest()[:12]}"
