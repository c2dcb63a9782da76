"""Whether this API is alive, whether it can answer, what the tape holds, and its metrics."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec
import psycopg
from fastapi import FastAPI, Request, Response
from msgspec import Struct

from projections import PROJECTIONS
from read_api.canaries import NEWEST, Canaries
from read_api.lists import responses
from read_api.problems import Problem
from read_api.stalls import Stalls
from read_api.store import Standing, Store
from read_api.tape import Extent, Tape, TapeAway, TapeTopic

ANSWER_S = 2.0
LOOK_EVERY_S = 0.5


class Lag(Struct, kw_only=True):
    """A projection, and how many records it has not folded yet; None while that is unknown."""

    name: str
    version: int
    lag_messages: int | None


class Ready(Struct, kw_only=True):
    """What answers, and how far the read models are behind the tape.

    `stalled`: read models that canaries stay away from, and places where a record waits and nothing
    has moved for seconds.
    """

    ready: bool
    stalled: tuple[str, ...]
    postgres: str
    kafka: str
    projections: list[Lag]


class Topics(Struct, kw_only=True):
    """All topics of the tape."""

    items: list[TapeTopic]


TOPICS_EXAMPLE = Topics(
    items=[
        TapeTopic(
            topic="signal-events",
            key="symbol",
            carries=("SignalRaised", "Abstained"),
            decisions=False,
            partitions=(Extent(partition=0, first_offset=0, next_offset=3071),),
        )
    ]
)
READY_EXAMPLE = Ready(
    ready=True,
    stalled=(),
    postgres="answers",
    kafka="answers",
    projections=[Lag(name="ticks", version=1, lag_messages=0)],
)


class Vitals:
    """Everything that is not a read model."""

    def __init__(
        self,
        store: Store,
        tape: Tape,
        metrics: Callable[[], bytes],
        stalled: Callable[[int], None],
    ) -> None:
        self._store = store
        self._tape = tape
        self._metrics = metrics
        self._stalls = Stalls()
        self._canaries = Canaries()
        self._stalled = stalled

    async def watch(self, over: asyncio.Event) -> None:
        """Look until it is over: whoever asks hears at once what has not moved for a while.

        It is told, not cancelled: a question that is cancelled in the database looks like any other
        that failed, and it would go on looking.
        """
        while not over.is_set():
            await self._look()
            with suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), LOOK_EVERY_S)

    def install(self, app: FastAPI) -> None:
        """Add the endpoints to the application."""
        for path, endpoint, summary, example in (
            ("/health", self.health, "This process is alive", None),
            ("/ready", self.ready, "It can answer; how far the read models are", READY_EXAMPLE),
            ("/topics", self.topics, "The topics of the tape", TOPICS_EXAMPLE),
            ("/metrics", self.metrics, "Prometheus metrics", None),
        ):
            app.add_api_route(
                path,
                endpoint,
                methods=["GET"],
                summary=summary,
                response_class=Response,
                openapi_extra=_documented(example),
            )

    async def health(self, _: Request) -> Response:
        """Nothing is asked of anyone else."""
        return _json({"status": "alive"})

    async def ready(self, _: Request) -> Response:
        """503 while Postgres or Kafka does not answer, or a read model has stopped."""
        state = await self._look()
        return _json(state, 200 if state.ready else 503)

    async def _look(self) -> Ready:
        standings, newest, postgres = await self._standings()
        topics, kafka = await self._extents()
        now_s = time.monotonic()
        late = self._canaries.look(newest, now_s)
        going = [standing for standing in standings if standing.name not in late]
        stalled = (
            *(f"{name}: no canary for {late_s:.0f} s" for name, late_s in late.items()),
            *self._stalls.look(going, topics, now_s),
        )
        self._stalled(len(stalled))
        return Ready(
            ready=postgres == kafka == "answers" and not stalled,
            stalled=stalled,
            postgres=postgres,
            kafka=kafka,
            projections=_lags(standings, topics),
        )

    async def topics(self, _: Request) -> Response:
        """What may be followed."""
        return _json(Topics(items=list(await self._tape.topics())))

    async def metrics(self, _: Request) -> Response:
        """As Prometheus reads them."""
        return Response(self._metrics(), media_type="text/plain; version=0.0.4")

    async def _standings(self) -> tuple[list[Standing], dict[str, int | None], str]:
        try:
            async with asyncio.timeout(ANSWER_S), self._store.snapshot() as snapshot:
                standings = await snapshot.standing(*PROJECTIONS)
                rows = await snapshot.rows(NEWEST.encode())
                return standings, {row["name"]: row["offset"] for row in rows}, "answers"
        except Problem as missing:
            return [], {}, missing.detail
        except (psycopg.Error, TimeoutError) as lost:
            return [], {}, f"does not answer: {type(lost).__name__}"

    async def _extents(self) -> tuple[tuple[TapeTopic, ...], str]:
        try:
            async with asyncio.timeout(ANSWER_S):
                return await self._tape.topics(), "answers"
        except (TapeAway, TimeoutError) as lost:
            return (), f"does not answer: {type(lost).__name__}"


def _lags(standings: list[Standing], topics: tuple[TapeTopic, ...]) -> list[Lag]:
    ends = {(t.topic, e.partition): e.next_offset for t in topics for e in t.partitions}
    return [
        Lag(
            name=standing.name,
            version=standing.version,
            lag_messages=sum(
                max(0, ends[place] - offset)
                for place, offset in standing.places.items()
                if place in ends
            )
            if ends
            else None,
        )
        for standing in standings
    ]


def _documented(example: Struct | None) -> dict[str, Any]:
    if example is None:
        return {"responses": {"200": {"description": "It is"}}}
    shape = {"$ref": f"#/components/schemas/{type(example).__name__}"}
    return {"responses": responses(shape, msgspec.to_builtins(example))}


def _json(content: Any, status: int = 200) -> Response:
    body = msgspec.json.encode(content)
    headers = {"Cache-Control": "no-store"}
    return Response(body, status, headers, media_type="application/json")
