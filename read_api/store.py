"""The read models, asked in one snapshot together with the position they stand at."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection, IsolationLevel
from psycopg.rows import dict_row
from psycopg.sql import SQL, Composed, Identifier
from psycopg_pool import AsyncConnectionPool

from projections.projection import Projection
from read_api.problems import away

Row = dict[str, Any]
Pool = AsyncConnectionPool[AsyncConnection[Row]]
Place = tuple[str, int]
"""A topic of the catalog, and a partition of it."""

STANDS_AT = """
select m.name, m.version, o.topic, o.partition, o.next_offset
from read_models m
left join offsets o on o.consumer = 'projection-' || m.name || '-v' || m.version
where m.name = any(%s) order by m.name, o.topic, o.partition
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """How far the live version of a projection has come: the next offset of each partition."""

    name: str
    version: int
    places: Mapping[Place, int]

    @property
    def position(self) -> str:
        """The vector as text, as in `order-events=0:12,1:9`."""
        topics: dict[str, list[str]] = {}
        for (topic, partition), offset in self.places.items():
            topics.setdefault(topic, []).append(f"{partition}:{offset}")
        return ";".join(f"{topic}={','.join(places)}" for topic, places in topics.items())

    @property
    def state(self) -> str:
        """The same rows are found as long as this is the same: a version may see them anew."""
        return f"{self.name}-v{self.version};{self.position}"

    @property
    def etag(self) -> str:
        """The state as HTTP's `ETag`."""
        return f'"{self.state}"'


class Snapshot:
    """One moment of the database: rows and positions that belong together."""

    def __init__(self, connection: AsyncConnection[Row]) -> None:
        self._connection = connection

    async def rows(self, sql: Composed | bytes, params: Any = ()) -> list[Row]:
        """The rows of a question."""
        cursor = await self._connection.execute(sql, params)
        return await cursor.fetchall()

    async def within(self, *schemas: str) -> None:
        """Ask the tables of these schemas, not the live ones."""
        path = SQL(", ").join(map(Identifier, schemas))
        await self._connection.execute(SQL("set local search_path to ") + path)

    async def standing(self, *projections: Projection) -> list[Standing]:
        """How far these projections have come."""
        names = [projection.name for projection in projections]
        found = _standings(await self.rows(STANDS_AT.encode(), (names,)))
        if len(found) < len(names):
            raise away("the read models are not built yet")
        return found


def _standings(rows: list[Row]) -> list[Standing]:
    found: dict[tuple[str, int], dict[Place, int]] = {}
    for row in rows:
        places = found.setdefault((row["name"], row["version"]), {})
        if row["topic"] is not None:
            places[row["topic"], row["partition"]] = row["next_offset"]
    return [Standing(*model, places) for model, places in found.items()]


class Store:
    """A bounded pool of connections that can only read."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Snapshot]:
        """A snapshot; waits for a connection no longer than the pool allows."""
        async with self._pool.connection() as connection:
            yield Snapshot(connection)

    async def open(self) -> None:
        """Start connecting. It need not succeed: questions fail until it does."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        """Give up all connections."""
        await self._pool.close()


async def configure(connection: AsyncConnection[Row]) -> None:
    """What every connection of the pool is: reading only, each transaction one snapshot."""
    connection.row_factory = dict_row
    await connection.set_read_only(True)
    await connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)


def columns(names: Sequence[str], template: str) -> Composed:
    """A statement of a projection with its `{columns}` filled in."""
    return SQL(template).format(columns=SQL(", ").join(map(Identifier, names)))
