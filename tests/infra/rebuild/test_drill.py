"""A rebuild under readers over HTTP; and the drill notices what it is there for."""

from __future__ import annotations

import asyncio
import threading

import httpx
import pytest

from infra.bench.streams import predictions
from infra.config import Config
from infra.rebuild import drill
from infra.run import read_api
from infra.stream import kafka
from projections.audit import PROJECTION as AUDIT
from tests.infra.at_work import running, until
from tests.infra.rebuild.test_rebuild import FIRST, audited, grow, rows, tell

READERS = 30


def test_no_reader_notices_a_rebuild(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    kafka.ensure_topics(config)
    made = predictions(1_000_000)
    tell(config, made, FIRST)
    with running(audited, config), running(read_api.run, config):
        until(lambda: rows(config) == FIRST and answers(config))
        with running(grow, config, made, threading.Event()):
            assert drill.run(config, AUDIT, READERS) == 0
    said = capsys.readouterr().out
    assert "0 errors, 0 backwards" in said
    assert "is read from its new build" in said
    assert "is read from its earlier build" in said


def test_errors_and_steps_backwards_are_counted() -> None:
    async def asked() -> drill.Seen:
        positions = iter(["a=0:5,1:7", "a=0:6,1:7", "a=0:6,1:6", "", "a=0:9,1:9"])
        seen, over = drill.Seen(), asyncio.Event()

        def answer(_: httpx.Request) -> httpx.Response:
            position = next(positions, None)
            if position is None:
                over.set()
                raise httpx.ReadError("gone")
            return httpx.Response(200 if position else 503, headers={"Tapedeck-Position": position})

        transport = httpx.MockTransport(answer)
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            await drill._ask(client, "/audit", seen, over)
        return seen

    seen = asyncio.run(asked())
    assert (seen.answers, seen.backwards) == (4, 1)
    assert seen.errors == {"503 ": 1, "ReadError": 1}


def answers(config: Config) -> bool:
    """Whether the read API is there."""
    try:
        return httpx.get(f"{config.api}/audit").status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
