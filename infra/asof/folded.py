"""A read model as it stood at a vector: folded from the nearest earlier moment, or looked at.

A table that only grows, whose rows say where on the tape they stand, needs no fold: how it stood is
what is before the vector of what readers see now.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from confluent_kafka import Consumer
from msgspec.structs import replace
from psycopg.sql import SQL, Identifier, Literal

from infra.asof import kept
from infra.asof.kept import Kept
from infra.config import Config
from infra.run.folding import Folding
from infra.run.intake import Intake
from infra.store import postgres, read_models, rights
from infra.store.offsets import Cursors
from infra.store.postgres import Connection
from infra.stream import kafka, tape
from infra.stream.schema_ids import SchemaIds
from infra.stream.wire import Record
from projections.projection import Projection
from read_api.problems import Problem, refused
from read_api.store import Place

ROLE = "as-of"
RECORDS_MAX = 1_000_000
"""Of a partition: more would keep the asker waiting for minutes."""
UP_TO = """
from {seen} r join (values {places}) as upto (topic, partition, "offset")
    on upto.topic = r.topic and upto.partition = r.partition and r."offset" < upto."offset"
"""
LATEST = f"select {{latest_by}} {UP_TO} order by {{latest_by}} desc limit 1"
VIEW = f"create view {{view}} as select r.* {UP_TO} where {{latest_by}} <= {{latest}}"
"""`latest` excludes nothing: with it, an index leads past what came since."""

Told = Callable[[int], None]
"""Hears how many records more have been folded."""


class Folded:
    """Makes moments, each in the caller's transaction: it is there whole, or not at all."""

    def __init__(self, config: Config, ids: SchemaIds, conninfo: str) -> None:
        self._config = config
        self._ids = ids
        self._conninfo = conninfo

    def make(
        self,
        client: Consumer,
        connection: Connection,
        projection: Projection,
        moment: Kept,
        told: Told = lambda _: None,
    ) -> None:
        """The moment's tables. A `Problem` if that is too much work for now."""
        looked_at = projection.ledgers and kept.caught_up(connection, projection, moment.places)
        base = None if looked_at else kept.before(connection, projection, moment.places)
        if not looked_at:
            _bounded(projection, moment, base)
        self._emptied(connection, moment.schema)
        if looked_at:
            self._look(connection, projection, moment)
            kept.keep(connection, projection, moment, ())
            return
        connection.execute(projection.ddl.encode())
        cursors = {place: Cursors(*place, 0) for place in moment.places}
        if base is not None:
            kept.begun_with(connection, base, moment.schema)
            cursors |= kept.marks_of(connection, base)
        folding = Folding(projection, self._conninfo, cursors)
        self._fold(client, connection, folding, moment.places, told)
        if projection.indexes:
            connection.execute(projection.indexes.encode())
        folding.remember()
        kept.keep(connection, projection, moment, cursors.values())

    def _emptied(self, connection: Connection, schema: str) -> None:
        ours = postgres.schema_of(self._conninfo)
        connection.execute(SQL("create schema {}").format(Identifier(schema)))
        rights.admit(connection, ours, schema)
        path = SQL("set local search_path to {}, {}").format(Identifier(schema), Identifier(ours))
        connection.execute(path)
        connection.execute(kept.MARKS_DDL.encode())

    def _look(self, connection: Connection, projection: Projection, moment: Kept) -> None:
        seen = read_models.read_schema(self._conninfo)
        places = SQL(", ").join(
            SQL("({}, {}, {}::bigint)").format(Literal(topic), Literal(number), Literal(offset))
            for (topic, number), offset in moment.places.items()
        )
        for table in projection.ledgers:
            names = {
                "seen": Identifier(seen, table.name),
                "view": Identifier(moment.schema, table.name),
                "latest_by": Identifier("r", table.latest_by),
                "places": places,
            }
            found = connection.execute(SQL(LATEST).format(**names)).fetchone()
            latest = Literal(None if found is None else found[0])
            connection.execute(SQL(VIEW).format(**names, latest=latest))

    def _fold(
        self,
        client: Consumer,
        connection: Connection,
        folding: Folding,
        places: Mapping[Place, int],
        told: Told,
    ) -> None:
        intake = _Reread(self._config, ROLE, self._ids, connection)
        for place, end in places.items():
            name, start = kafka.topic_name(self._config, place[0]), folding.cursors[place]
            for batch in tape.read(client, name, place[1], start.next_offset, end):
                taken = intake.take([replace(record, topic=place[0]) for record in batch])
                folding.fold(place, taken)
                with connection.cursor() as cursor:
                    folding.write(cursor)
                told(len(batch))


def _bounded(projection: Projection, moment: Kept, base: Kept | None) -> None:
    folded = {} if base is None else base.places
    records = max(offset - folded.get(place, 0) for place, offset in moment.places.items())
    if records > RECORDS_MAX:
        raise refused(
            f"as_of: {records:,} records of a partition would have to be folded, at most "
            f"{RECORDS_MAX:,} are; {_way_out(projection)}"
        )


def _way_out(projection: Projection) -> str:
    if projection.ledgers:  # it needs no moments, where it is live
        return f"ask again when {projection.name} has folded so far (`tapedeck projections list`)"
    return f"`tapedeck projections checkpoint {projection.name}` makes moments to begin with"


class _Reread(Intake):
    """Reads what has been read before: it sets nothing aside, and cannot go past what holds."""

    def set_aside(self, record: Record, bad: Exception) -> None:
        """It was, when it was read first. Where it holds its partition, nothing stands after it."""
        if self.must_stop(record):
            place = f"{record.topic}/{record.partition}/{record.offset}"
            raise Problem(409, "held", f"as_of is beyond {place}, which cannot be read: {bad}")
