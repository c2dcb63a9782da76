"""Connections on which nothing is asked are closed; those that are at work are not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

from infra.run.http import Impatient

WITHIN_S = 0.2


class Brisk(Impatient):
    """As in the role, in less time."""

    request_within_s = WITHIN_S


async def slow(scope: Any, receive: Any, send: Any) -> None:
    """An answer that takes longer than a request may."""
    del receive
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x", b"1")]})
    for _ in range(4):
        await asyncio.sleep(WITHIN_S)
        await send({"type": "http.response.body", "body": b"part", "more_body": True})
    await send({"type": "http.response.body", "body": b"end"})


@asynccontextmanager
async def served() -> AsyncIterator[int]:
    """The port of a server."""
    config = uvicorn.Config(slow, port=0, http=Brisk, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await serving


async def said(port: int, *parts: bytes) -> bytes:
    """All that comes back until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for part in parts:
        writer.write(part)
        await writer.drain()
        await asyncio.sleep(WITHIN_S / 4)
    found = await asyncio.wait_for(reader.read(), 10 * WITHIN_S)
    writer.close()
    return found


def test_a_request_that_never_comes_or_never_ends_is_not_waited_for() -> None:
    async def asked() -> list[bytes]:
        async with served() as port:
            begun = b"GET / HTTP/1.1\r\nHost: a\r\n"
            return [await said(port), await said(port, begun), await said(port, begun, b"X: 1\r\n")]

    assert asyncio.run(asked()) == [b"", b"", b""]


def test_an_answer_that_takes_long_is_given_whole() -> None:
    async def asked() -> bytes:
        async with served() as port:
            return await said(port, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")

    answer = asyncio.run(asked())
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.count(b"part") == 4
    assert b"end" in answer
