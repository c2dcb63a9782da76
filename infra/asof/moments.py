"""A read model folded again up to a vector, in a schema of its own, kept for who asks the same."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import closing
from hashlib import sha256

from confluent_kafka import Consumer
from msgspec.structs import replace
from psycopg.sql import SQL, Identifier

from infra.asof.vectors import vector
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
from read_api.asof import AsOf, Moment
from read_api.problems import Problem, refused
from read_api.store import Place, Standing

ROLE = "as-of"
KEPT_MAX = 32
KEPT_AT_LEAST = "1 minute"
"""Nobody takes away the tables of an answer that is being read."""
RECORDS_MAX = 1_000_000
"""Of a partition: more would keep the asker waiting for minutes."""
DDL = """
create table if not exists moments (
    schema_name text primary key, asked_at timestamptz not null default now()
)
"""


class Moments:
    """`read_api.asof.Moments` over Kafka and Postgres. One moment is made at a time."""

    def __init__(self, config: Config, ids: SchemaIds) -> None:
        self._config = config
        self._conninfo = postgres.address(config.postgres, config.namespace)
        self._ids = ids
        self._turn = asyncio.Lock()
        self._prepared = False

    async def at(self, projection: Projection, asked: AsOf) -> Moment:
        """How the projection stood, folded now unless it is kept."""
        async with self._turn:
            return await asyncio.to_thread(self._at, projection, asked)

    def _at(self, projection: Projection, asked: AsOf) -> Moment:
        if not self._prepared:
            postgres.migrate(self._conninfo, DDL)
            self._prepared = True
        with (
            tape.reader(self._config) as client,
            closing(postgres.owner(self._conninfo)) as connection,
        ):
            seen = Identifier(read_models.read_schema(self._conninfo))
            ours = Identifier(postgres.schema_of(self._conninfo))
            connection.execute(SQL("set search_path to {}, {}").format(ours, seen))
            places = vector(self._config, client, connection, projection, asked)
            standing = Standing(projection.name, projection.version, dict(sorted(places.items())))
            schema = self._schema(standing)
            with connection.transaction():
                if not _kept(connection, schema):
                    _make_room(connection)
                    self._fold(client, connection, projection, places, schema)
            return Moment(schema, standing)

    def _schema(self, standing: Standing) -> str:
        digest = sha256(standing.state.encode()).hexdigest()[:16]
        return f"{read_models.prefix(self._conninfo)}_at_{digest}"

    def _fold(
        self,
        client: Consumer,
        connection: Connection,
        projection: Projection,
        places: Mapping[Place, int],
        schema: str,
    ) -> None:
        """Everything in one transaction: a moment is there whole, or not at all."""
        if (records := max(places.values())) > RECORDS_MAX:
            most = f"at most {RECORDS_MAX:,} of a partition are"
            raise refused(f"as_of: {records:,} records would have to be folded again, {most}")
        connection.execute(SQL("create schema {}").format(Identifier(schema)))
        rights.admit(connection, postgres.schema_of(self._conninfo), schema)
        path = SQL("set local search_path to {}, {}").format(
            Identifier(schema), Identifier(postgres.schema_of(self._conninfo))
        )
        connection.execute(path)
        connection.execute(projection.ddl.encode())
        cursors = {place: Cursors(*place, 0) for place in places}
        folding = Folding(projection, self._conninfo, cursors)
        intake = _Reread(self._config, ROLE, self._ids, connection)
        for place, end in places.items():
            name = kafka.topic_name(self._config, place[0])
            for batch in tape.read(client, name, place[1], 0, end):
                taken = intake.take([replace(record, topic=place[0]) for record in batch])
                folding.fold(place, taken)
                with connection.cursor() as cursor:
                    folding.write(cursor)
        if projection.indexes:
            connection.execute(projection.indexes.encode())
        connection.execute("insert into moments values (%s)", (schema,))


class _Reread(Intake):
    """Reads what has been read before: it sets nothing aside, and cannot go past what holds."""

    def set_aside(self, record: Record, bad: Exception) -> None:
        """It was, when it was read first. Where it holds its partition, nothing stands after it."""
        if self.must_stop(record):
            place = f"{record.topic}/{record.partition}/{record.offset}"
            raise Problem(409, "held", f"as_of is beyond {place}, which cannot be read: {bad}")


def _kept(connection: Connection, schema: str) -> bool:
    """Whether the moment is there; it stays for a while then."""
    number = int.from_bytes(sha256(schema.encode()).digest()[:8], "big", signed=True)
    connection.execute("select pg_advisory_xact_lock(%s)", (number,))
    found = connection.execute(
        "update moments set asked_at = now() where schema_name = %s returning 1", (schema,)
    )
    return found.fetchone() is not None


def _make_room(connection: Connection) -> None:
    """Drop what nobody has asked for longest."""
    gone = connection.execute(
        f"""
        delete from moments where asked_at < now() - interval '{KEPT_AT_LEAST}'
        and schema_name in (select schema_name from moments order by asked_at desc offset %s)
        returning schema_name
        """.encode(),
        (KEPT_MAX - 1,),
    )
    for (schema,) in gone.fetchall():
        connection.execute(SQL("drop schema if exists {} cascade").format(Identifier(schema)))
