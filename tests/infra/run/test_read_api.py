"""The read API as a process would run it: a real server, a real tape, a database that goes away."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from infra.config import Config
from infra.embedded.postgres import EmbeddedPostgres
from infra.embedded.process import free_ports
from infra.run import projections as projecting
from infra.run import read_api as role
from infra.store import postgres, read_models
from infra.stream import kafka
from infra.stream.schema_ids import SchemaIds
from projections import PROJECTIONS
from read_api.subscriptions import Limits
from tests.infra.tape_writer import write, write_raw
from tests.projections.story import DIGEST, T0_US, Story, tick, ticks

DEADLINE_S = 60.0
LIMITS = Limits(subscribers_max=10, slow_after_s=1.0, heartbeat_s=0.2)
MANY = 15_000


@pytest.fixture
def ids(config: Config) -> SchemaIds:
    kafka.ensure_topics(config)
    return SchemaIds(config)


def test_a_decision_on_a_real_tape_is_told_back_to_its_ticks(
    config: Config, ids: SchemaIds
) -> None:
    noise = ticks("GBPUSD", number=40)
    market = write(config, ids, [*noise, *ticks(number=20)])
    story = Story(market[-1], bar_ticks=19, entry_id=1_000)
    write(config, ids, [*story.market(), *story.executed()])
    with _serving(config) as api, _projecting(config):
        _until(lambda: api.get(f"/executions/{story.id}").is_success)
        _until(lambda: api.get(f"/executions/{story.id}").json()["state"] == "completed")
        _until(lambda: api.get(f"/decisions/{story.id}").json()["prediction"] is not None)
        decision = api.get(f"/decisions/{story.id}/90001/open").json()
        ready = api.get("/ready").json()
    assert [t["source_seq"] for t in decision["ticks"]["ticks"]] == list(range(1, 20))
    assert decision["ticks"]["closing"]["source_seq"] == 20
    assert decision["prediction"]["model_digest"] == DIGEST
    assert ready["ready"]


def test_the_head_of_an_answer_comes_without_its_body_and_the_connection_goes_on(
    config: Config, ids: SchemaIds
) -> None:
    write(config, ids, ticks(number=1))
    endless = "/subscribe?topic=market-data-events"
    with _serving(config) as api:
        _until(lambda: api.head(endless).is_success)
        for path in ("/docs", endless, "/nowhere", "/health"):
            answer = api.head(path)
            assert answer.content == b""
            assert answer.status_code == (404 if path == "/nowhere" else 200)


def test_server_sent_events_resume_where_they_broke_off(config: Config, ids: SchemaIds) -> None:
    write(config, ids, ticks(number=10))
    with _serving(config) as api:
        first, last_id = _events(api, "earliest", {}, 4)
        write(config, ids, ticks(first_seq=11, number=5))
        rest, _ = _events(api, "latest", {"Last-Event-ID": last_id}, 11)
    assert [m["payload"]["source_seq"] for m in first + rest] == list(range(1, 16))


def test_a_follower_hears_what_is_written_now_and_what_cannot_be_read(
    config: Config, ids: SchemaIds
) -> None:
    write(config, ids, ticks("GBPUSD", number=1))  # a new topic takes a moment to answer
    with _serving(config) as api, _socket(api, "topic=market-data-events") as following:
        following.recv(DEADLINE_S)  # where we begin
        write(config, ids, ticks(number=3))
        write_raw(config, "market-data-events", b"EURUSD", b"no frame at all")
        write(config, ids, ticks(first_seq=4, number=1))
        heard = [_next(following) for _ in range(4 + 1)]
    assert [m["payload"]["source_seq"] for m in heard if "payload" in m] == [1, 2, 3, 4]
    assert "cannot be read" in heard[3]["error"]


def test_a_slow_reader_is_let_go_and_others_are_served(config: Config, ids: SchemaIds) -> None:
    write(config, ids, [tick("EURUSD", n, T0_US + n) for n in range(1, MANY + 1)])
    with _serving(config) as api:
        _until(lambda: api.get("/health").is_success)
        stuck = _silent(api, "topic=market-data-events&from=earliest")
        with _socket(api, "topic=market-data-events&from=earliest") as following:
            heard = [_next(following) for _ in range(MANY)]
        assert [m["payload"]["source_seq"] for m in heard] == list(range(1, MANY + 1))
        _until(lambda: _seats(api) == 0)
        code = _code_at_the_end(stuck)
    assert code in (4408, None)  # None: cut off, as it did not even read the reason


@pytest.mark.services
def test_a_database_that_goes_away_is_said_and_found_again(tmp_path: Path) -> None:
    service = EmbeddedPostgres(tmp_path, free_ports(1)[0])
    service.start()
    config = Config.load(
        {
            "TAPEDECK_HOME": str(tmp_path / "home"),
            "TAPEDECK_POSTGRES": service.dsn,
            "TAPEDECK_PORT_API": str(free_ports(1)[0]),
        }
    )
    read_models.prepare(postgres.address(config.postgres), PROJECTIONS)
    with _serving(config) as api:
        _until(lambda: api.get("/orders").status_code == 200)
        service.kill()
        answer = api.get("/orders")
        assert answer.status_code == 503
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["retry-after"] == "1"
        assert api.get("/health").is_success
        assert api.get("/ready").status_code == 503
        service.start()
        _until(lambda: api.get("/orders").status_code == 200)
    service.kill()


@contextmanager
def _serving(config: Config) -> Iterator[httpx.Client]:
    stop = threading.Event()
    thread = threading.Thread(
        target=lambda: asyncio.run(role.serve(config, stop, LIMITS)), daemon=True
    )
    thread.start()
    with httpx.Client(base_url=config.api, timeout=30) as client:
        _until(lambda: _answers(client))
        try:
            yield client
        finally:
            stop.set()
            thread.join(DEADLINE_S)
            assert not thread.is_alive()


@contextmanager
def _projecting(config: Config) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=projecting.run, args=(config, stop), daemon=True)
    thread.start()
    yield
    stop.set()
    thread.join(DEADLINE_S)


def _events(
    api: httpx.Client, start: str, headers: dict[str, str], number: int
) -> tuple[list[dict[str, Any]], str]:
    """The first events, and the id of the last."""
    heard: list[dict[str, Any]] = []
    last_id = ""
    question = {"topic": "market-data-events", "from": start}
    with api.stream("GET", "/subscribe", params=question, headers=headers) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        for line in answer.iter_lines():
            if line.startswith("id: "):
                last_id = line.removeprefix("id: ")
            if line.startswith("data: "):
                heard.append(json.loads(line.removeprefix("data: ")))
            if len(heard) == number:
                break
    return heard, last_id


def _socket(api: httpx.Client, question: str) -> Any:
    address = str(api.base_url).replace("http", "ws").rstrip("/")
    return connect(f"{address}/subscribe?{question}", max_queue=None)


def _next(following: Any) -> dict[str, Any]:
    """The next message that is not a heartbeat."""
    while True:
        message: dict[str, Any] = json.loads(following.recv(DEADLINE_S))
        if len(message) > 1:
            return message


def _silent(api: httpx.Client, question: str) -> socket.socket:
    """A follower that asks and then never reads."""
    stuck = socket.socket()
    stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    stuck.connect((api.base_url.host, api.base_url.port or 80))
    key = base64.b64encode(os.urandom(16)).decode()
    asked = (
        f"GET /subscribe?{question} HTTP/1.1",
        "Host: localhost",
        "Connection: Upgrade",
        "Upgrade: websocket",
        f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Version: 13",
    )
    stuck.sendall("\r\n".join([*asked, "", ""]).encode())
    return stuck


def _code_at_the_end(stuck: socket.socket) -> int | None:
    """The code of the close frame with which the stream ends, if it does."""
    stuck.settimeout(DEADLINE_S)
    tail = b""
    while True:
        try:
            chunk = stuck.recv(1 << 20)
        except ConnectionResetError:
            stuck.close()
            return None
        if not chunk:
            stuck.close()
            break
        tail = (tail + chunk)[-200:]
    at = tail.rfind(b"\x88")
    return int.from_bytes(tail[at + 2 : at + 4], "big") if at >= 0 else None


def _seats(api: httpx.Client) -> int:
    metrics = api.get("/metrics").text
    line = next(line for line in metrics.splitlines() if line.startswith("tapedeck_api_followers"))
    return int(float(line.split()[1]))


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/health").is_success
    except httpx.TransportError:
        return False


def _until(holds: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline_s, "it never came true"
        time.sleep(0.05)
