"""Which moments of read models are kept, where, and how a later one begins with an earlier one.

A kept moment is a schema of its own with a read model's tables, and the marks by which a repeat is
recognised behind it. Checkpoints are moments that somebody had made on purpose: they stay when
others are dropped that nobody has asked for longest.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256

from psycopg.sql import SQL, Identifier

from infra.store import offsets, postgres, read_models
from infra.store.offsets import Cursors
from infra.store.postgres import Connection
from projections.projection import Projection
from read_api.problems import away
from read_api.store import Place, Standing

KEPT_MAX, KEPT_BYTES_MAX = 64, 4 * 1024**3
KEPT_AT_LEAST = "20 seconds"
"""Nobody takes away the tables of an answer that is being read, or of its next page."""
CHECKPOINTS_MAX, CHECKPOINT_BYTES_MAX = 256, 4 * 1024**3
"""Of a read model; beyond either, the one goes whose neighbours are nearest to each other."""
MARKS = "as_of_marks"
DDL = """
create table if not exists kept_moments (
    schema_name text primary key, projection text not null, version integer not null,
    places jsonb not null, checkpoint boolean not null default false,
    asked_at timestamptz not null default now()
)
"""
MARKS_DDL = f"""
create table {MARKS} (
    topic text not null, partition integer not null,
    source text not null, key text not null, sequence text not null
)
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """A moment: where its tables are, and the next offset of each partition."""

    schema: str
    places: Mapping[Place, int]
    checkpoint: bool = False

    @property
    def records(self) -> int:
        """How many offsets lie before it."""
        return sum(self.places.values())


def schema_of(conninfo: str, standing: Standing) -> str:
    """The schema of a moment: of the same positions, the same."""
    digest = sha256(standing.state.encode()).hexdigest()[:16]
    return f"{read_models.prefix(conninfo)}_at_{digest}"


def standing_of(projection: Projection, places: Mapping[Place, int]) -> Standing:
    """What a moment's positions are called."""
    return Standing(projection.name, projection.version, dict(sorted(places.items())))


def kept(connection: Connection, projection: Projection) -> list[Kept]:
    """The moments that there are of this version, the earliest first."""
    rows = connection.execute(
        "select schema_name, places, checkpoint from kept_moments"
        " where projection = %s and version = %s",
        (projection.name, projection.version),
    ).fetchall()
    found = [Kept(schema, _read(places), checkpoint) for schema, places, checkpoint in rows]
    return sorted(found, key=lambda each: each.records)


def named(
    connection: Connection, projection: Projection, asked: Mapping[Place, int]
) -> dict[Place, int] | None:
    """The positions of a kept moment that are all among those asked for."""
    for each in kept(connection, projection):
        if all(asked.get(place) == offset for place, offset in each.places.items()):
            return dict(each.places)
    return None


def before(
    connection: Connection, projection: Projection, places: Mapping[Place, int]
) -> Kept | None:
    """The latest moment that is nowhere behind these positions and has rows of its own.

    One that looks at what readers see has neither rows to begin with, nor marks. It stays until the
    caller's transaction ends.
    """
    fit = [
        each
        for each in kept(connection, projection)
        if all(offset <= places.get(place, -1) for place, offset in each.places.items())
        and _whole(connection, each.schema, projection)
        and not _looks(connection, each.schema, projection)
    ]
    return next((each for each in reversed(fit) if _held(connection, each.schema)), None)


def asked_again(connection: Connection, projection: Projection, schema: str) -> bool:
    """Whether the moment is there; it stays for a while then. Nobody else makes it meanwhile."""
    number = int.from_bytes(sha256(schema.encode()).digest()[:8], "big", signed=True)
    connection.execute("select pg_advisory_xact_lock(%s)", (number,))
    connection.execute("update kept_moments set asked_at = now() where schema_name = %s", (schema,))
    if _whole(connection, schema, projection):
        return True
    forget(connection, schema)
    return False


def keep(
    connection: Connection, projection: Projection, moment: Kept, marks: Iterable[Cursors]
) -> None:
    """Remember a moment whose tables stand, with the marks that were set on the way to it."""
    rows = [(m.topic, m.partition, *mark, seq) for m in marks for mark, seq in m.marks.items()]
    table = Identifier(moment.schema, MARKS)
    with connection.cursor() as cursor, cursor.copy(SQL("copy {} from stdin").format(table)) as to:
        for row in rows:
            to.write_row(row)
    connection.execute(
        "insert into kept_moments values (%s, %s, %s, %s, %s)",
        (
            moment.schema,
            projection.name,
            projection.version,
            _written(moment.places),
            moment.checkpoint,
        ),
    )


def marks_of(connection: Connection, moment: Kept) -> dict[Place, Cursors]:
    """Where a fold goes on behind a moment."""
    found = {place: Cursors(*place, offset) for place, offset in moment.places.items()}
    rows = connection.execute(SQL("select * from {}").format(Identifier(moment.schema, MARKS)))
    for topic, partition, source, key, sequence in rows:
        found[topic, partition].marks[source, key] = sequence
    return found


def begun_with(connection: Connection, moment: Kept, schema: str) -> None:
    """Let the tables of a new moment begin with the rows of an earlier one."""
    tables = connection.execute(
        "select tablename from pg_tables where schemaname = %s and tablename <> %s",
        (moment.schema, MARKS),
    ).fetchall()
    for (table,) in tables:
        connection.execute(
            SQL("insert into {} select * from {}").format(
                Identifier(schema, table), Identifier(moment.schema, table)
            )
        )


def make_room(connection: Connection) -> None:
    """Drop what nobody has asked for longest, checkpoints excepted.

    A `Problem` if there are too many, or too large ones, and all have just been asked for.
    """
    moments = connection.execute(
        f"select schema_name, asked_at < now() - interval '{KEPT_AT_LEAST}' from kept_moments"
        " where not checkpoint order by asked_at desc".encode()
    ).fetchall()
    sizes = [_bytes(connection, schema) for schema, _ in moments]
    while len(moments) >= KEPT_MAX or sum(sizes) > KEPT_BYTES_MAX:
        (schema, idle), _ = moments.pop(), sizes.pop()
        if not idle:
            raise away(f"{len(moments) + 1} moments are being asked about already", "busy")
        forget(connection, schema)


def thin(connection: Connection, projection: Projection) -> None:
    """Drop checkpoints of other versions, and the least useful ones beyond `CHECKPOINTS_MAX`."""
    old = connection.execute(
        "select schema_name from kept_moments where checkpoint and projection = %s"
        " and version <> %s",
        (projection.name, projection.version),
    ).fetchall()
    for (schema,) in old:
        forget(connection, schema)
    marked = [each for each in kept(connection, projection) if each.checkpoint]
    sizes = {each.schema: _bytes(connection, each.schema) for each in marked}
    while len(marked) > 2 and (
        len(marked) > CHECKPOINTS_MAX or sum(sizes.values()) > CHECKPOINT_BYTES_MAX
    ):
        gaps = [marked[n + 1].records - marked[n - 1].records for n in range(1, len(marked) - 1)]
        least = marked.pop(1 + gaps.index(min(gaps)))
        sizes.pop(least.schema)
        forget(connection, least.schema)


def pin(connection: Connection, schema: str) -> None:
    """Let a kept moment be a checkpoint."""
    sql = "update kept_moments set checkpoint = true where schema_name = %s"
    connection.execute(sql.encode(), (schema,))


def forget(connection: Connection, schema: str) -> None:
    """Let there be no such moment."""
    connection.execute("delete from kept_moments where schema_name = %s", (schema,))
    connection.execute(SQL("drop schema if exists {} cascade").format(Identifier(schema)))


def caught_up(connection: Connection, projection: Projection, places: Mapping[Place, int]) -> bool:
    """Whether this version is what readers see, and has folded all before these positions."""
    if read_models.live_version(connection, projection) != projection.version:
        return False
    live = offsets.standing(connection, projection.consumer)
    return all(live.get(place, -1) >= offset for place, offset in places.items())


def _held(connection: Connection, schema: str) -> bool:
    """Let nobody drop a moment before this transaction ends; False if somebody just has."""
    sql = "select 1 from kept_moments where schema_name = %s for share"
    return connection.execute(sql, (schema,)).fetchone() is not None


def _bytes(connection: Connection, schema: str) -> int:
    ((size,),) = connection.execute(
        "select coalesce(sum(pg_total_relation_size(c.oid)), 0) from pg_class c"
        " join pg_namespace n on n.oid = c.relnamespace where nspname = %s and relkind = 'r'",
        (schema,),
    ).fetchall()
    return int(size)


def _whole(connection: Connection, schema: str, projection: Projection) -> bool:
    """Whether everything of it is there: what it looks at may have been dropped."""
    asked = [f'"{schema}"."{name}"' for name in projection.shows]
    ((missing,),) = connection.execute(
        "select count(*) from unnest(%s::text[]) as name where to_regclass(name) is null", (asked,)
    ).fetchall()
    return not int(missing)


def _looks(connection: Connection, schema: str, projection: Projection) -> bool:
    """Whether it is a view of the tables that only grow."""
    found = connection.execute(
        "select 1 from pg_views where schemaname = %s and viewname = any(%s)",
        (schema, [table.name for table in projection.ledgers]),
    )
    return found.fetchone() is not None


def _written(places: Mapping[Place, int]) -> str:
    return json.dumps({f"{topic}/{number}": offset for (topic, number), offset in places.items()})


def _read(places: Mapping[str, int]) -> dict[Place, int]:
    cut = {name.rpartition("/"): offset for name, offset in places.items()}
    return {(topic, int(number)): offset for (topic, _, number), offset in cut.items()}


def prepare(conninfo: str) -> None:
    """Make the table of moments."""
    postgres.migrate(conninfo, DDL)
