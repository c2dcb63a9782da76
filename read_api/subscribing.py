"""`/subscribe` over a WebSocket and as server-sent events: two ways to follow a topic."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from typing import Any

from fastapi import FastAPI, Request, Response, WebSocket
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from read_api.asked import known_only
from read_api.problems import Problem, refused
from read_api.subscriptions import (
    LATEST,
    Follower,
    Limits,
    Seats,
    TooSlow,
    Wish,
    begun,
    follow,
    in_time,
)
from read_api.tape import Heard, Tape, TapeAway

GOING_AWAY, TRY_LATER, BAD_QUESTION, GONE, TOO_SLOW = 1012, 1013, 4400, 4410, 4408
PARAMETERS = {
    "topic": "a topic of the tape, as /topics lists them",
    "from": "`latest` (default), `earliest`, or a position to resume from, as in `0:120,1:98`",
    "symbol": "only messages about this symbol",
    "account": "only messages about this account",
    "type": "only messages of these types, separated by commas",
}


class Subscribing:
    """The endpoint, in both its forms."""

    def __init__(
        self, tape: Tape, limits: Limits, closing: asyncio.Event, followers: Callable[[int], object]
    ) -> None:
        self._tape = tape
        self._limits = limits
        self._closing = closing
        self._seats = Seats(limits, followers)

    def install(self, app: FastAPI) -> None:
        """Add the endpoint to the application."""
        app.add_api_websocket_route("/subscribe", self.socket)
        app.add_api_route(
            "/subscribe",
            self.events,
            methods=["GET"],
            summary="Follow a topic, as server-sent events (or over a WebSocket at the same path)",
            response_class=Response,
            openapi_extra={
                "parameters": [
                    {
                        "name": name,
                        "in": "query",
                        "description": meaning,
                        "required": name == "topic",
                        "schema": {"type": "string"},
                    }
                    for name, meaning in PARAMETERS.items()
                ],
                "responses": {"200": {"description": "id: position to resume from; data: JSON"}},
            },
        )

    async def events(self, request: Request) -> Response:
        """Server-sent events. `Last-Event-ID`, which browsers send by themselves, resumes."""
        asked = dict(request.query_params)
        resumed = request.headers.get("last-event-id")
        wish = wish_of(asked | ({"from": resumed} if resumed else {}))
        with self._seats:  # refused here, before the answer has begun
            follower = await begun(self._tape, wish)
        return EventStream(self, follower)

    async def socket(self, socket: WebSocket) -> None:
        """One JSON text per message; `resume` is the position after it."""
        await socket.accept()
        code, reason = GOING_AWAY, "this server is going away; resume elsewhere or later"
        try:
            wish = wish_of(dict(socket.query_params))
            follower = await begun(self._tape, wish)
            await self.serve(follower, _Socket(socket, follower))
        except TooSlow as slow:
            code, reason = TOO_SLOW, f"{slow}; resume from the last position you got"
        except Problem as problem:
            code, reason = _CODES.get(problem.status, TRY_LATER), problem.detail
        except TapeAway as lost:
            code, reason = TRY_LATER, str(lost)
        with suppress(TimeoutError, RuntimeError, WebSocketDisconnect):  # gone, or not reading
            await asyncio.wait_for(socket.close(code, reason[:120]), self._limits.slow_after_s)

    async def serve(self, follower: Follower, channel: _Socket | _Events) -> None:
        """Follow until the reader leaves, or we do. Raises what goes wrong."""
        with self._seats:
            async with self._tape.tail(follower.wish.topic) as tail:
                await in_time(channel.beat(), self._limits)
                following = follow(
                    self._tape, tail, follower, channel.send, channel.beat, self._limits
                )
                await _first(following, channel.left(), self._closing.wait())


class EventStream(Response):
    """An endless answer. Its reader's slowness is felt here, and bounded."""

    media_type = "text/event-stream"

    def __init__(self, subscribing: Subscribing, follower: Follower) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._subscribing = subscribing
        self._follower = follower

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        """Answer until the reader leaves."""
        await send(
            {"type": "http.response.start", "status": 200, "headers": self.raw_headers},
        )
        channel = _Events(receive, send, self._follower)
        try:
            await self._subscribing.serve(self._follower, channel)
        except (TooSlow, TapeAway, Problem):
            return  # the connection breaks off, and the reader resumes from its last id
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class _Socket:
    def __init__(self, socket: WebSocket, follower: Follower) -> None:
        self._socket = socket
        self._follower = follower

    async def send(self, heard: Heard) -> None:
        resume = self._follower.token.encode()
        await self._socket.send_text((b'{"resume":"' + resume + b'",' + heard.body[1:]).decode())

    async def beat(self) -> None:
        await self._socket.send_text(f'{{"resume":"{self._follower.token}"}}')

    async def left(self) -> None:
        while (await self._socket.receive())["type"] != "websocket.disconnect":
            continue


class _Events:
    def __init__(self, receive: Receive, send: Send, follower: Follower) -> None:
        self._receive = receive
        self._send = send
        self._follower = follower

    async def send(self, heard: Heard) -> None:
        await self._say(b"data: " + heard.body + b"\n\n")

    async def beat(self) -> None:
        await self._say(b"\n")

    async def left(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            continue

    async def _say(self, text: bytes) -> None:
        body = b"id: " + self._follower.token.encode() + b"\n" + text
        await self._send({"type": "http.response.body", "body": body, "more_body": True})


def wish_of(asked: Mapping[str, str]) -> Wish:
    """What the parameters ask for; a `Problem` that names the one that is wrong."""
    known_only(asked, PARAMETERS)
    if not asked.get("topic"):
        raise refused("topic is missing; /topics lists what there is")
    return Wish(
        topic=asked["topic"],
        start=asked.get("from", LATEST),
        symbol=asked.get("symbol", ""),
        account=asked.get("account", ""),
        types=frozenset(filter(None, asked.get("type", "").split(","))),
    )


async def _first(*works: Coroutine[Any, Any, Any] | Awaitable[Any]) -> None:
    """Until the first of these ends; then none of them goes on."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
    await asyncio.wait(tasks)
    for task in done:
        task.result()


_CODES = {404: BAD_QUESTION, 422: BAD_QUESTION, 410: GONE}
