"""Where everyone stands, asked of the database once for all who wait for somebody to get on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from read_api.store import Place, Row, Standing, Store

LOOK_EVERY_S = 0.025
STANDS = """
select o.consumer, m.name, m.version, o.topic, o.partition, o.next_offset from offsets o
left join read_models m on o.consumer = 'projection-' || m.name || '-v' || m.version
order by o.topic, o.partition
"""


@dataclass(frozen=True, slots=True)
class Stood:
    """Where everyone stood at one moment."""

    consumers: Mapping[str, Mapping[Place, int]]
    models: Mapping[str, Standing]

    def passed(self, consumer: str, place: Place, offset: int) -> bool:
        """Whether a consumer has gone past an offset."""
        return self.consumers.get(consumer, {}).get(place, 0) > offset


class Watch:
    """Looks as long as someone waits, whoever and however many they are."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._round: asyncio.Task[Stood] | None = None
        self._due_s = 0.0

    async def until(self, holds: Callable[[Stood], bool], until_s: float) -> Stood | None:
        """Wait until it holds, and say how all stood then; None if it did not in time.

        It is looked once at least. What is seen may be older than the question, never newer.
        """
        while True:
            stood = await asyncio.shield(self._next())
            if holds(stood):
                return stood
            if time.monotonic() >= until_s:
                return None

    def _next(self) -> asyncio.Task[Stood]:
        if self._round is None or self._round.done():
            self._round = asyncio.create_task(self._look())
        return self._round

    async def _look(self) -> Stood:
        await asyncio.sleep(max(0.0, self._due_s - time.monotonic()))
        async with self._store.snapshot() as snapshot:
            rows = await snapshot.rows(STANDS.encode())
        self._due_s = time.monotonic() + LOOK_EVERY_S
        return _stood(rows)


def _stood(rows: list[Row]) -> Stood:
    consumers: dict[str, dict[Place, int]] = {}
    models: dict[str, Standing] = {}
    for row in rows:
        places = consumers.setdefault(row["consumer"], {})
        places[row["topic"], row["partition"]] = row["next_offset"]
        if row["name"] is not None:
            models[row["name"]] = Standing(row["name"], row["version"], places)
    return Stood(consumers, models)
