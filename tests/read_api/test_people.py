"""Sealed words are opened on every way out, and only there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI, Request, Response, WebSocket
from starlette.responses import StreamingResponse

from read_api.app import Bodiless
from read_api.people import Readable
from tests.read_api.conftest import TestClient

WORD = "sealed:0123456789abcdef:" + "Ab_-" * 8
SAID = 'she said "é", \\ and left'


class Opens:
    """Knows one word, and one name."""

    def opened(self, text: str) -> str:
        return SAID if text == WORD else text

    def sealed(self, name: str) -> str:
        return WORD if name == "Ann Other" else name


def app() -> FastAPI:
    made = FastAPI()

    @made.get("/one")
    def one() -> Response:
        return Response(json.dumps({"actor": f"operator/{WORD}"}), media_type="application/json")

    @made.get("/plain")
    def plain() -> Response:
        return Response(b"nothing of anybody", 404, media_type="text/plain")

    @made.get("/asked")
    def asked(request: Request) -> dict[str, str]:
        return {name: value.upper() for name, value in request.query_params.items()}

    @made.get("/events")
    def events() -> StreamingResponse:
        said = (f"data: {json.dumps([WORD])}\n\n" for _ in range(2))
        return StreamingResponse(said, media_type="text/event-stream")

    @made.websocket("/socket")
    async def socket(connection: WebSocket) -> None:
        await connection.accept()
        await connection.send_text(json.dumps([WORD]))
        await connection.close()

    made.add_middleware(Readable, people=Opens())
    made.add_middleware(Bodiless)
    return made


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(app()) as client:
        yield client


def test_an_answer_is_opened_and_says_its_new_length(client: TestClient) -> None:
    answer = client.get("/one")
    assert answer.json() == {"actor": f"operator/{SAID}"}
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert client.head("/one").headers["content-length"] == answer.headers["content-length"]


def test_what_nobody_sealed_goes_out_as_it_is(client: TestClient) -> None:
    answer = client.get("/plain")
    assert (answer.status_code, answer.content) == (404, b"nothing of anybody")


def test_streams_and_sockets_are_opened_too(client: TestClient) -> None:
    assert client.get("/events").text == f"data: {json.dumps([SAID], ensure_ascii=True)}\n\n" * 2
    with client.websocket_connect("/socket") as socket:
        assert json.loads(socket.receive_text()) == [SAID]


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ({"actor": "operator/Ann Other", "limit": "5"}, f"OPERATOR/{WORD.upper()}"),
        ({"actor": "operator/nobody", "limit": "5"}, "OPERATOR/NOBODY"),
        ({"actor": "Ann Other", "limit": "5"}, "ANN OTHER"),
        ({"actor": "", "limit": "5"}, ""),
    ],
)
def test_an_actor_is_asked_for_by_name(
    client: TestClient, asked: dict[str, Any], meant: str
) -> None:
    assert client.get("/asked", params=asked).json() == {"actor": meant, "limit": "5"}
