"""Two builds change places in one transaction, between those of the writer and of all readers.

The writer: whoever writes the live build says so first, and waits while it is held. Both builds
stand at the same offsets then, so it goes on with the one that it finds, and need not know of
another. Readers: one that has seen an old position must not see rows beyond it, nor fewer. Both
builds stand at the same position before the change, and it waits until every snapshot that is older
than this has ended.
"""

from __future__ import annotations

import time
from datetime import datetime

from psycopg.sql import SQL, Identifier

from infra.store import offsets, read_models
from infra.store.postgres import Connection
from infra.store.read_models import Build, consumer_of, schema_for
from projections.projection import Projection

READERS_WAIT_S = 1.0
LOOK_EVERY_S = 0.01
LOCK_WAIT_MS = 900
"""Postgres looks for a deadlock after a second: we give way before, so no reader has to."""
OLD_SNAPSHOTS = """
select min(pid) from pg_stat_activity
where datname = current_database() and backend_type = 'client backend'
    and xact_start < %s and (backend_xmin is not null or state = 'active')
    and pid <> %s and pid <> pg_backend_pid() and not %s = any(pg_blocking_pids(pid))
"""


def now(connection: Connection) -> datetime:
    """The server's time, at which every commit that we have heard of is over."""
    ((at,),) = connection.execute("select clock_timestamp()").fetchall()
    assert isinstance(at, datetime)
    return at


def reader_before(looking: Connection, holder_pid: int, since: datetime) -> int | None:
    """Wait for all older snapshots; the process of one that does not end, None if all have.

    `looking` sees no transaction but its own; who waits for the holder's is not waited for.
    """
    deadline_s = time.monotonic() + READERS_WAIT_S
    while True:
        asked = (since, holder_pid, holder_pid)
        ((pid,),) = looking.execute(OLD_SNAPSHOTS, asked).fetchall()
        if pid is None or time.monotonic() > deadline_s:
            return None if pid is None else int(pid)
        time.sleep(LOOK_EVERY_S)


def change(connection: Connection, conninfo: str, projection: Projection, build: Build) -> None:
    """Inside the caller's transaction: `build` becomes the live one, and that the one before.

    A live one that has never been anywhere on the tape is not kept.
    """
    connection.execute(f"set local lock_timeout = {LOCK_WAIT_MS}".encode())
    begun = bool(offsets.standing(connection, projection.consumer))
    _rename(connection, conninfo, projection, build, Build.ASIDE)
    drop(connection, conninfo, projection, Build.BEFORE if begun else Build.LIVE)
    if begun:
        _rename(connection, conninfo, projection, Build.LIVE, Build.BEFORE)
    _rename(connection, conninfo, projection, Build.ASIDE, Build.LIVE)
    if read_models.live_version(connection, projection) == projection.version:
        read_models.point_again(connection, conninfo, projection)


def drop(connection: Connection, conninfo: str, projection: Projection, build: Build) -> None:
    """Let there be no such build; views of readers on it go too."""
    schema = Identifier(schema_for(conninfo, projection, build))
    connection.execute(SQL("drop schema if exists {} cascade").format(schema))
    offsets.forget(connection, consumer_of(projection, build))


def _rename(
    connection: Connection, conninfo: str, projection: Projection, build: Build, name: Build
) -> None:
    old, new = (Identifier(schema_for(conninfo, projection, each)) for each in (build, name))
    connection.execute(SQL("alter schema {} rename to {}").format(old, new))
    offsets.rename(connection, consumer_of(projection, build), consumer_of(projection, name))
