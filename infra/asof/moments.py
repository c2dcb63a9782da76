"""Read models as of a moment, for those who ask over HTTP: made when asked for, and kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import closing

from psycopg.sql import SQL, Identifier

from infra.asof import kept
from infra.asof.folded import Folded
from infra.asof.kept import Kept
from infra.asof.vectors import vector
from infra.config import Config
from infra.store import postgres, read_models
from infra.store.postgres import Connection
from infra.stream import tape
from infra.stream.schema_ids import SchemaIds
from projections.projection import Projection
from read_api.asof import AsOf, Moment
from read_api.problems import away
from read_api.store import Place

WAITING_MAX = 16
"""A moment may take seconds to make; whoever is not among the first is told at once."""
Find = Callable[[Connection, Projection, AsOf], Moment | None]


class Moments:
    """`read_api.asof.Moments` over Kafka and Postgres. One moment is made at a time, few wait."""

    def __init__(self, config: Config, ids: SchemaIds) -> None:
        self._config = config
        self._conninfo = postgres.address(config.postgres, config.namespace)
        self._folded = Folded(config, ids, self._conninfo)
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._prepared = False

    async def at(self, projection: Projection, asked: AsOf) -> Moment:
        """How the projection stood, folded now unless it is kept; a `Problem` if many wait."""
        if asked.places:
            known = await asyncio.to_thread(self._with, self._known, projection, asked)
            if known is not None:
                return known
        if self._waiting >= WAITING_MAX:
            raise away(f"{self._waiting} moments are waited for already", "busy")
        self._waiting += 1
        try:
            async with self._turn:
                made = await asyncio.to_thread(self._with, self._made, projection, asked)
        finally:
            self._waiting -= 1
        assert made is not None
        return made

    def _with(self, find: Find, projection: Projection, asked: AsOf) -> Moment | None:
        if not self._prepared:
            kept.prepare(self._conninfo)
            self._prepared = True
        with closing(postgres.owner(self._conninfo)) as connection:
            seen = Identifier(read_models.read_schema(self._conninfo))
            ours = Identifier(postgres.schema_of(self._conninfo))
            connection.execute(SQL("set search_path to {}, {}").format(ours, seen))
            return find(connection, projection, asked)

    def _known(self, connection: Connection, projection: Projection, asked: AsOf) -> Moment | None:
        """A moment that is named by its positions, and kept, is told without the tape."""
        given = asked.places.get(projection.name) or asked.places.get("", {})
        places = kept.named(connection, projection, given) if given else None
        if places is None:
            return None
        moment = self._moment(projection, places)
        with connection.transaction():
            there = kept.asked_again(connection, projection, moment.schema)
        return moment if there else None

    def _made(self, connection: Connection, projection: Projection, asked: AsOf) -> Moment:
        with tape.reader(self._config) as client:
            places = vector(self._config, client, connection, projection, asked)
            moment = self._moment(projection, places)
            with connection.transaction():
                if not kept.asked_again(connection, projection, moment.schema):
                    kept.make_room(connection)
                    wanted = Kept(moment.schema, moment.standing.places)
                    self._folded.make(client, connection, projection, wanted)
        return moment

    def _moment(self, projection: Projection, places: dict[Place, int]) -> Moment:
        standing = kept.standing_of(projection, places)
        return Moment(kept.schema_of(self._conninfo, standing), standing)
