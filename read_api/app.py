"""The application: read models, causes, subscriptions, vitals and pages, behind GET and HEAD."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Request, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from read_api import documentation, lists, problems
from read_api.asof import Moments
from read_api.decisions import Decisions
from read_api.people import People, Readable, Strangers
from read_api.receipts import Causes
from read_api.store import Pool, Store
from read_api.story import FeatureNames
from read_api.subscribing import Subscribing
from read_api.subscriptions import Limits
from read_api.tape import Tape, TapeAway
from read_api.views import Views
from read_api.vitals import Vitals

Observe = Callable[[str, int, float], None]
"""Told of every answer: route, status, seconds."""

PAGES = {"/": "page.html", "/docs": "docs.html"}
SECURITY = "default-src 'self'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def create_app(
    pool: Pool,
    tape: Tape,
    moments: Moments,
    causes: Causes,
    *,
    feature_names: FeatureNames | None = None,
    metrics: Callable[[], bytes] = bytes,
    observe: Observe | None = None,
    followers: Callable[[int], object] = bool,
    stalled: Callable[[int], None] = lambda _: None,
    limits: Limits | None = None,
    people: People | None = None,
    closing: asyncio.Event | None = None,
) -> FastAPI:
    """The read API over a pool of connections that can only read, and a tape.

    `followers` is told how many there are, `stalled` how many places have stopped. Setting
    `closing` ends all subscriptions, so that the server can stop.
    """
    store = Store(pool)
    vitals = Vitals(store, tape, metrics, stalled)
    app = _bare(store, vitals)
    problems.install(app)
    app.add_exception_handler(TapeAway, _tape_away)
    views = Views(store, tape, moments, causes)
    lists.install(app, views)
    Decisions(views, tape, feature_names or {}).install(app)
    vitals.install(app)
    Subscribing(tape, limits or Limits(), closing or asyncio.Event(), followers).install(app)
    _pages(app)
    documentation.install(app)
    app.add_middleware(Readable, people=people or Strangers())
    app.add_middleware(Bodiless)
    if observe is not None:
        app.add_middleware(Observed, observe=observe)
    return app


def _bare(store: Store, vitals: Vitals) -> FastAPI:
    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        await store.open()
        over = asyncio.Event()
        watching = asyncio.create_task(vitals.watch(over))
        yield
        over.set()
        await watching
        await store.close()

    return FastAPI(
        title="Tapedeck",
        version="1",
        summary="The tape as tables, stories and streams. Read only.",
        docs_url=None,
        redoc_url=None,
        lifespan=life,
    )


class Observed:
    """Tells `observe` of every answer, under the route's own path, not the one that was asked."""

    def __init__(self, app: ASGIApp, observe: Observe) -> None:
        self._app = app
        self._observe = observe

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and take the time until the answer begins."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        began_s = time.perf_counter()

        async def seen(message: Message) -> None:
            if message["type"] == "http.response.start":
                path = getattr(scope.get("route"), "path", "none")
                self._observe(path, message["status"], time.perf_counter() - began_s)
            await send(message)

        return await self._app(scope, receive, seen)


class Bodiless:
    """Answers HEAD as GET is answered, without the body; an endless answer ends with its head."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and keep the body back."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            return await self._app(scope, receive, send)

        async def headed(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
                await send({"type": "http.response.body", "body": b"", "more_body": False})

        async def gone() -> Message:
            return {"type": "http.disconnect"}

        scope["method"] = "GET"  # in this very scope: the route that is found is written into it
        try:
            await self._app(scope, gone, headed)
        finally:
            scope["method"] = "HEAD"


def _pages(app: FastAPI) -> None:
    for path, name in PAGES.items():
        content = Path(__file__).with_name(name).read_text()
        app.add_api_route(path, _page(content), methods=["GET"], include_in_schema=False)


def _page(content: str) -> Callable[[], Response]:
    def page() -> Response:
        headers: Mapping[str, str] = {"Content-Security-Policy": SECURITY}
        return Response(content, headers=headers, media_type="text/html")

    return page


async def _tape_away(request: Request, error: Exception) -> Response:
    return problems.response(problems.away(str(error)), request.url.path)
