"""Read models as a request wants to see them: now, as of a moment, or when they know enough."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from projections.projection import Projection
from read_api import asof, receipts
from read_api.asof import Moments, moments_of
from read_api.problems import refused
from read_api.receipts import Causes, Least, Receipts, least_of
from read_api.store import Snapshot, Standing, Store
from read_api.tape import Tape
from read_api.watch import Stood, Watch

PARAMETERS = (asof.PARAMETER, receipts.PARAMETER, receipts.WAIT)
"""What every read model may be asked with."""
Seen = tuple[Snapshot, list[Standing]]
"""A snapshot, and how far the rows in it go."""


class Views:
    """Opens snapshots."""

    def __init__(self, store: Store, tape: Tape, moments: Moments, causes: Causes) -> None:
        self._store = store
        self._moments = moments
        self._watch = Watch(store)
        self._receipts = Receipts(store, self._watch, tape, causes)

    @asynccontextmanager
    async def open(self, asked: Mapping[str, str], *projections: Projection) -> AsyncIterator[Seen]:
        """One snapshot of what is asked for; a `Problem` if there is none, or not in time."""
        least = least_of(asked)
        then = await moments_of(self._moments, asked, *projections)
        if then and least is not None:
            one = f"{asof.PARAMETER} or {receipts.PARAMETER}"
            raise refused(f"what stood then does not grow: give {one}, not both")
        if least is not None:
            await self._grown(least, projections)
        async with self._store.snapshot() as snapshot:
            if then:
                await snapshot.within(*(moment.schema for moment in then))
                yield snapshot, [moment.standing for moment in then]
            else:
                yield snapshot, await snapshot.standing(*projections)

    async def _grown(self, least: Least, projections: tuple[Projection, ...]) -> None:
        """Wait until the read models know so much. They never know less later."""
        owed = await self._receipts.owed(least)
        async with self._store.snapshot() as snapshot:
            if not self._receipts.lacking(owed, await snapshot.standing(*projections)):
                return
        seen: list[Standing] = []

        def enough(stood: Stood) -> bool:
            nonlocal seen
            nowhere = [Standing(p.name, p.version, {}) for p in projections]
            seen = [stood.models.get(each.name, each) for each in nowhere]
            return not self._receipts.lacking(owed, seen)

        if await self._watch.until(enough, least.until_s) is None:
            raise await self._receipts.late(owed, self._receipts.lacking(owed, seen))
