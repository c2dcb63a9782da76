"""Following a topic over a WebSocket: each message once, from any place, within bounds."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fastapi import FastAPI
from msgspec.structs import replace
from starlette.websockets import WebSocketDisconnect

from events.envelope import Message, Position
from infra.asof.causes import causes
from infra.config import Config
from infra.run.read_api import open_pool
from read_api.app import create_app
from read_api.subscriptions import PRIMED, Limits
from schemas.catalog import topic_of
from tests.projections import story
from tests.read_api.conftest import TestClient, moments
from tests.read_api.memory_tape import MemoryTape

PATIENT = Limits(subscribers_max=2, slow_after_s=5, heartbeat_s=60)
REPEATED = 300


def patient(database: Config, tape: MemoryTape) -> FastAPI:
    return create_app(open_pool(database), tape, moments(database), causes(), limits=PATIENT)


@pytest.fixture
def follower(database: Config, tape: MemoryTape) -> FastAPI:
    return patient(database, tape)


def test_everything_comes_once_in_order_from_the_beginning(follower: FastAPI) -> None:
    with TestClient(follower) as client:
        heard, _ = _hear(client, "topic=market-data-events&from=earliest", 20)
    assert [m["payload"]["source_seq"] for m in heard] == list(range(1, 21))


@pytest.mark.parametrize("parted_after", range(1, 20, 3))
def test_whoever_resumes_hears_the_rest_and_nothing_twice(
    follower: FastAPI, parted_after: int
) -> None:
    with TestClient(follower) as client:
        first, token = _hear(client, "topic=market-data-events&from=earliest", parted_after)
        rest, _ = _hear(client, f"topic=market-data-events&from={token}", 20 - parted_after)
    assert [m["payload"]["source_seq"] for m in first + rest] == list(range(1, 21))


def test_the_newest_are_heard_as_they_come(follower: FastAPI, tape: MemoryTape) -> None:
    with (
        TestClient(follower) as client,
        client.websocket_connect("/subscribe?topic=market-data-events") as socket,
    ):
        assert json.loads(socket.receive_text()) == {"resume": "0:20,1:0"}
        for message in story.placed(story.ticks(first_seq=21, number=30), first_offset=20):
            tape.add(message)
        heard = [json.loads(socket.receive_text()) for _ in range(30)]
    assert [m["offset"] for m in heard] == list(range(20, 50))
    assert heard[-1]["resume"] == "0:50,1:0"


def test_what_a_producer_wrote_twice_is_heard_once_also_after_a_resume(
    follower: FastAPI, tape: MemoryTape, told: list[Message[Any]]
) -> None:
    ticks = [m for m in told if type(m.event).__name__ == "TickReceived"]
    again = story.placed(ticks[-3:], first_offset=20)
    new = story.placed(story.ticks(first_seq=21, number=1), first_offset=23)
    for message in (*again, *new):
        tape.add(message)
    with TestClient(follower) as client:
        whole, _ = _hear(client, "topic=market-data-events&from=earliest", 21)
        resumed, _ = _hear(client, "topic=market-data-events&from=0:20,1:0", 1)
    assert [m["payload"]["source_seq"] for m in whole] == list(range(1, 22))
    assert [m["payload"]["source_seq"] for m in resumed] == [21]


@pytest.mark.parametrize(
    ("kind", "field"), [("OrderIntended", "order_id"), ("BarClosed", "symbol")]
)
def test_repeats_of_many_keys_after_a_resume_are_not_heard(
    database: Config, told: list[Message[Any]], kind: str, field: str
) -> None:
    said = _of_many_keys(told, kind, field, REPEATED + 1)
    tape = MemoryTape(story.placed([*said[:-1], *said[:-1], said[-1]]))
    topic = topic_of(type(said[0].event)).name
    with TestClient(
        create_app(open_pool(database), tape, moments(database), causes(), limits=PATIENT)
    ) as client:
        heard, token = _hear(client, f"topic={topic}&from=0:{REPEATED},1:0", 1)
    assert heard[0]["payload"][field] == said[-1].key
    assert token == f"0:{2 * REPEATED + 1},1:0"


def test_a_relay_that_repeats_itself_again_and_again_is_heard_once_by_whoever_resumes(
    database: Config, told: list[Message[Any]]
) -> None:
    """A resume from among repeats would find only repeats before it, and take the rest for new."""
    said = _of_many_keys(told, "OrderIntended", "order_id", PRIMED + 1)
    begun = said[: PRIMED // 2]
    tape = MemoryTape(story.placed([*said[:-1], *begun, *begun]))
    impatient = Limits(slow_after_s=5, heartbeat_s=0.05)
    app = create_app(open_pool(database), tape, moments(database), causes(), limits=impatient)
    question = f"topic=order-events&account=nobody&from=0:{PRIMED},1:0"
    with TestClient(app) as client, client.websocket_connect(f"/subscribe?{question}") as socket:
        tokens = [json.loads(socket.receive_text())["resume"] for _ in range(3)]
    for message in story.placed(said, first_offset=2 * PRIMED):
        tape.add(message)
    with TestClient(
        create_app(open_pool(database), tape, moments(database), causes(), limits=PATIENT)
    ) as client:
        heard, _ = _hear(client, f"topic=order-events&from={tokens[-1]}", 1)
    assert heard[0]["payload"]["order_id"] == said[-1].key


def test_each_partition_is_counted_by_itself(database: Config, told: list[Message[Any]]) -> None:
    early, late = _of_many_keys(told, "OrderIntended", "order_id", 2)
    tape = MemoryTape(story.placed([late]))
    tape.add(replace(early, position=Position("order-events", 1, 0)))
    with TestClient(
        create_app(open_pool(database), tape, moments(database), causes(), limits=PATIENT)
    ) as client:
        heard, _ = _hear(client, "topic=order-events&from=earliest", 2)
    assert [m["payload"]["order_id"] for m in heard] == [late.key, early.key]


def test_filters_let_through_what_was_asked_for(follower: FastAPI) -> None:
    question = "topic=order-events&from=earliest&account=90002&type=OrderIntended,OrderFilled"
    with TestClient(follower) as client:
        heard, _ = _hear(client, question, 2)
    assert [m["type"] for m in heard] == ["OrderIntended", "OrderFilled"]
    assert {m["payload"]["account"] for m in heard} == {"90002"}


def test_a_heartbeat_says_where_one_stands(app: FastAPI) -> None:
    with (
        TestClient(app) as client,
        client.websocket_connect("/subscribe?topic=bar-events&symbol=NONE") as socket,
    ):
        beats = [json.loads(socket.receive_text()) for _ in range(3)]
    assert beats == [{"resume": "0:1,1:0"}] * 3


@pytest.mark.parametrize(
    ("question", "code"),
    [
        ("", 4400),
        ("topic=nothing", 4400),
        ("topic=bar-events&from=0:1", 4400),
        ("topic=bar-events&from=0:7,1:0", 4410),
        ("topic=bar-events&colour=red", 4400),
    ],
)
def test_a_refusal_has_a_code_and_a_reason(app: FastAPI, question: str, code: int) -> None:
    with (
        TestClient(app) as client,
        client.websocket_connect(f"/subscribe?{question}") as socket,
        pytest.raises(WebSocketDisconnect) as closed,
    ):
        socket.receive_text()
    assert closed.value.code == code
    assert closed.value.reason


def test_there_are_only_so_many_seats(app: FastAPI) -> None:
    with TestClient(app) as client:
        first = client.websocket_connect("/subscribe?topic=bar-events")
        second = client.websocket_connect("/subscribe?topic=bar-events")
        with first as one, second as two:
            one.receive_text()
            two.receive_text()
            with (
                client.websocket_connect("/subscribe?topic=bar-events") as third,
                pytest.raises(WebSocketDisconnect) as closed,
            ):
                third.receive_text()
            assert closed.value.code == 1013
            assert client.get("/subscribe?topic=bar-events").status_code == 503
        with client.websocket_connect("/subscribe?topic=bar-events") as again:
            assert again.receive_text()


def test_a_tape_that_is_away_ends_it_with_try_again_later(app: FastAPI, tape: MemoryTape) -> None:
    tape.away = True
    with (
        TestClient(app) as client,
        client.websocket_connect("/subscribe?topic=bar-events") as socket,
        pytest.raises(WebSocketDisconnect) as closed,
    ):
        socket.receive_text()
    assert closed.value.code == 1013


def _hear(client: TestClient, question: str, number: int) -> tuple[list[dict[str, Any]], str]:
    """The first messages, and the position after them."""
    with client.websocket_connect(f"/subscribe?{question}") as socket:
        socket.receive_text()  # where we begin
        heard = [json.loads(socket.receive_text()) for _ in range(number)]
    return heard, heard[-1]["resume"]


def _of_many_keys(
    told: list[Message[Any]], kind: str, field: str, number: int
) -> list[Message[Any]]:
    """What was said once, said of one key after another by the same source."""
    pattern = next(m for m in told if type(m.event).__name__ == kind)
    return [
        replace(
            pattern,
            event=replace(pattern.event, **{field: f"key {n}"}),
            key=f"key {n}",
            envelope=replace(pattern.envelope, sequence=f"{n:016d}"),
        )
        for n in range(1, number + 1)
    ]
