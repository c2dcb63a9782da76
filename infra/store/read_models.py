"""Where read models stand in Postgres: a schema per version, and one that shows the live ones.

Version 2 is built in its own schema beside version 1. What readers see are views in the schema
`…_read`, which are pointed at another version in one transaction. A version can be built a second
time beside itself: each build has a schema and a place on the tape under a name of its own.
"""

from __future__ import annotations

from enum import Enum
from hashlib import sha256

from psycopg.sql import SQL, Identifier

from infra.store import canaries, offsets, rights
from infra.store.postgres import Connection, Cursor, lock_id, migration, schema_of
from projections.projection import Projection

DDL = "create table if not exists read_models (name text primary key, version integer not null)"
PREFIX_CHARS_MAX = 36
"""Postgres cuts names off at 63 characters."""


class Build(Enum):
    """Which build of a version: the one folded live, the next one, the one before it.

    `ASIDE` is where one stands while two change places.
    """

    LIVE = ""
    NEXT = "next"
    BEFORE = "before"
    ASIDE = "aside"


def schema_for(conninfo: str, projection: Projection, build: Build = Build.LIVE) -> str:
    """The schema that holds the tables of this build."""
    name = f"{prefix(conninfo)}_{projection.name}_v{projection.version}"
    return f"{name}_{build.value}" if build.value else name


def consumer_of(projection: Projection, build: Build) -> str:
    """The name under which a build keeps its place on the tape."""
    return f"{projection.consumer}-{build.value}" if build.value else projection.consumer


def read_schema(conninfo: str) -> str:
    """The schema of the views that readers use."""
    return f"{prefix(conninfo)}_read"


def prepare(conninfo: str, projections: tuple[Projection, ...]) -> None:
    """Make what is missing: our own tables, and the tables of versions that are new here.

    The first version of a read model is shown at once, a later one when `show` is called.
    """
    with migration(conninfo) as connection:
        for statement in (*offsets.DDL, canaries.DDL, DDL):
            connection.execute(statement.encode())
        reading = read_schema(conninfo)
        with connection.transaction():
            connection.execute(SQL("create schema if not exists {}").format(Identifier(reading)))
            rights.admit(connection, schema_of(conninfo), reading)
        for projection in projections:
            with connection.transaction():
                make(connection, conninfo, projection)
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


def enter(cursor: Cursor, conninfo: str, projection: Projection, build: Build = Build.LIVE) -> None:
    """Let the rest of this transaction see the tables of this build first.

    It need not wait for the disk: should the server die, rows and offsets are lost together, and
    the tape is read again from there.
    """
    path = SQL(", ").join(
        map(Identifier, (schema_for(conninfo, projection, build), schema_of(conninfo)))
    )
    cursor.execute(SQL("set local search_path to ") + path)
    cursor.execute("set local synchronous_commit to off")


def exists(connection: Connection, schema: str) -> bool:
    """Whether there is such a schema."""
    found = connection.execute("select 1 from pg_namespace where nspname = %s", (schema,))
    return found.fetchone() is not None


def make(
    connection: Connection, conninfo: str, projection: Projection, build: Build = Build.LIVE
) -> None:
    """Make the tables of a build, inside the caller's transaction, unless they are there.

    The next build, which nobody reads yet, is given the indexes for readers by `index`.
    """
    schema, ours = schema_for(conninfo, projection, build), schema_of(conninfo)
    if exists(connection, schema):
        return
    connection.execute(SQL("create schema {}").format(Identifier(schema)))
    rights.admit(connection, ours, schema)
    with connection.cursor() as cursor:
        enter(cursor, conninfo, projection, build)
        cursor.execute(projection.ddl.encode())
    rights.only_grows(connection, ours, schema, *(table.name for table in projection.ledgers))
    if build is not Build.NEXT:
        index(connection, conninfo, projection, build)


def index(
    connection: Connection, conninfo: str, projection: Projection, build: Build = Build.LIVE
) -> None:
    """Make the indexes for readers that a build has not yet."""
    if projection.indexes:
        with connection.transaction(), connection.cursor() as cursor:
            enter(cursor, conninfo, projection, build)
            cursor.execute(projection.indexes.encode())


def point_again(connection: Connection, conninfo: str, projection: Projection) -> None:
    """Point the views at the same version's tables, which have changed places with others."""
    shown, held = read_schema(conninfo), schema_for(conninfo, projection)
    for name in projection.shows:
        view, relation = Identifier(shown, name), Identifier(held, name)
        connection.execute(
            SQL("create or replace view {} as select * from {}").format(view, relation)
        )


def join(cursor: Cursor, conninfo: str, projection: Projection) -> None:
    """First of all in a transaction that writes the live build: it is not changed meanwhile.

    Else rows could go into tables that are put aside before the place is stored, which stands at
    the same offset in both builds.
    """
    cursor.execute("select pg_advisory_xact_lock_shared(%s)", (_writing(conninfo, projection),))


def hold(connection: Connection, conninfo: str, projection: Projection) -> None:
    """Let nobody write the live build until the caller's transaction ends: who would, waits."""
    connection.execute("select pg_advisory_xact_lock(%s)", (_writing(conninfo, projection),))


def _writing(conninfo: str, projection: Projection) -> int:
    return lock_id(conninfo, f"{projection.consumer}-is-written")


def _point(connection: Connection, conninfo: str, projection: Projection) -> None:
    shown, held = read_schema(conninfo), schema_for(conninfo, projection)
    for name in projection.shows:
        view, relation = Identifier(shown, name), Identifier(held, name)
        connection.execute(SQL("drop view if exists {} cascade").format(view))
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
