"""Every list and every single row: shape, pages, filters, positions, problems."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import msgspec
import psycopg
import pytest
from fastapi import FastAPI

from infra.asof.causes import causes
from infra.config import Config
from infra.run.read_api import open_pool
from read_api import problems
from read_api.app import create_app
from read_api.documentation import SHAPES, ProblemDetails
from read_api.routes import RESOURCES, Resource
from tests.projections import story
from tests.read_api.conftest import TestClient, fold, moments
from tests.read_api.memory_tape import MemoryTape

each = pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.name)
SIGNAL_ID = f"EURUSD-60-{story.T0_US + 20 * story.SECOND_US}"
ORDER_ID = f"{SIGNAL_ID}/90001/open"


@each
def test_rows_have_the_documented_shape(client: TestClient, resource: Resource) -> None:
    answer = client.get(resource.path)
    assert answer.status_code == 200
    rows = answer.json()["items"]
    assert rows
    msgspec.convert(rows, list[type(resource.example)], strict=True)  # type: ignore[misc] # a type as a value


@each
def test_the_example_is_documented_and_has_the_shape(app: FastAPI, resource: Resource) -> None:
    documented = app.openapi()["paths"][resource.path]["get"]["responses"]["200"]["content"]
    example = documented["application/json"]["example"]["items"][0]
    msgspec.convert(example, type(resource.example), strict=True)


def test_every_documented_example_has_its_documented_shape(app: FastAPI) -> None:
    shapes = {shape.__name__: shape for shape in SHAPES}
    checked = 0
    for path, operations in app.openapi()["paths"].items():
        assert list(operations) == ["get"], path
        content = operations["get"]["responses"]["200"].get("content", {}).get("application/json")
        if content and "$ref" in content.get("schema", {}):
            name = content["schema"]["$ref"].rsplit("/", 1)[1]
            msgspec.convert(content["example"], shapes[name], strict=True)
            checked += 1
    assert checked >= 8


@each
@pytest.mark.parametrize("limit", [1, 2, 3, 500])
def test_pages_put_together_are_the_list(
    fuller_client: TestClient, resource: Resource, limit: int
) -> None:
    whole = fuller_client.get(resource.path, params={"limit": 500}).json()["items"]
    assert len(whole) > 2
    pages: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        page = fuller_client.get(resource.path, params={"limit": limit, **cursor}).json()
        assert len(page["items"]) <= limit
        pages += page["items"]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert pages == whole


@each
def test_a_single_row_is_the_one_in_the_list(client: TestClient, resource: Resource) -> None:
    if not resource.query.key or resource.name == "audit":
        return
    for row in client.get(resource.path).json()["items"]:
        name = row[resource.query.key]
        for path in (name, quote(name, safe="")):
            assert client.get(f"{resource.path}/{path}").json() == row


def test_an_answer_that_has_not_changed_is_not_sent_again(postgres: str) -> None:
    config = Config.load({"TAPEDECK_POSTGRES": postgres})
    fold(config, story.told())
    with TestClient(
        create_app(open_pool(config), MemoryTape(), moments(config), causes())
    ) as client:
        etags = {r.path: client.get(r.path).headers["etag"] for r in RESOURCES}
        for path, etag in etags.items():
            again = client.get(path, headers={"If-None-Match": etag})
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["tapedeck-position"]
        fold(config, story.told("GBPUSD", 1))
        for path, etag in etags.items():
            later = client.get(path, headers={"If-None-Match": etag})
            assert later.status_code == 200
            assert later.headers["etag"] != etag


def test_one_row_and_one_story_have_tags_too(client: TestClient) -> None:
    for path in (f"/orders/{ORDER_ID}", f"/decisions/{SIGNAL_ID}"):
        etag = client.get(path).headers["etag"]
        for asked in (etag, "*", f'"another", {etag}'):
            again = client.get(path, headers={"If-None-Match": asked})
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["etag"] == etag
        lines = [("If-None-Match", '"another"'), ("If-None-Match", etag)]
        assert client.get(path, headers=lines).status_code == 304
    told = client.get(f"/decisions/{SIGNAL_ID}?format=text").headers["etag"]
    assert told != etag


def test_what_does_not_exist_is_not_unchanged(client: TestClient) -> None:
    etag = client.get("/orders").headers["etag"]
    for asked in (etag, "*"):
        assert client.get("/orders/nobody", headers={"If-None-Match": asked}).status_code == 404


@pytest.mark.parametrize(
    ("question", "number"),
    [
        ("/orders?account=90001", 1),
        ("/orders?state=filled", 3),
        ("/orders?state=rejected", 0),
        ("/positions?state=open&account=90002", 1),
        ("/bars?symbol=EURUSD&timeframe_s=60", 1),
        ("/bars?timeframe_s=61", 0),
        ("/signals?outcome=raised", 1),
        ("/audit?type=OrderFilled", 3),
        ("/audit?topic=order-events&key=" + quote(ORDER_ID), 4),
        ("/predictions?from=2023-11-14T22:13:00Z&to=2023-11-14T22:15:00Z", 1),
        ("/predictions?from=2023-11-14T22:15:00%2B00:00", 0),
        (f"/predictions?to={story.T0_US}", 0),
    ],
)
def test_filters_narrow_a_list(client: TestClient, question: str, number: int) -> None:
    answer = client.get(question)
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["items"]) == number


@pytest.mark.parametrize(
    ("question", "status", "said"),
    [
        ("/nowhere", 404, "/docs"),
        ("/orders/nobody/knows", 404, "order_id nobody/knows"),
        ("/orders?acount=1", 422, "did you mean account?"),
        ("/orders?limit=0", 422, "limit is 0"),
        ("/orders?limit=501", 422, "1 to 500"),
        ("/orders?limit=ten", 422, "limit is ten"),
        ("/orders?limit=0000000509999999", 422, "1 to 500"),
        ("/orders?limit=" + "9" * 5_000, 422, "1 to 500"),
        ("/bars?timeframe_s=" + "0" * 20 + "9" * 5_000, 422, "whole number"),
        ("/bars?from=" + "9" * 5_000, 422, "whole number"),
        ("/orders?cursor=%00", 422, "NUL"),
        ("/orders?cursor=abc", 422, "take `next`"),
        ("/orders/%00", 422, "NUL"),
        ("/bars?timeframe_s=1e3", 422, "whole number"),
        ("/bars?timeframe_s=99999999999999999999999", 422, "whole number"),
        ("/bars?from=yesterday", 422, "UTC microseconds"),
        ("/bars?from=2026-01-01T00:00:00", 422, "UTC microseconds"),
        ("/subscribe", 422, "topic is missing"),
        ("/subscribe?topic=nothing", 404, "no topic nothing"),
        ("/subscribe?topic=bar-events&from=x", 422, "from is x"),
        ("/subscribe?topic=bar-events&from=0:9999,1:0", 410, "not 9999"),
        ("/decisions/none", 404, "the decision none"),
        ("/decisions/none", 404, "or a correlation id"),
        ("/orders/what is this?", 404, "order_id what is this"),
        ("/audit/none", 404, "message none"),
    ],
)
def test_what_is_wrong_is_said_as_a_problem(
    client: TestClient, question: str, status: int, said: str
) -> None:
    answer = client.get(question)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = msgspec.json.decode(answer.content, type=ProblemDetails, strict=True)
    assert (problem.status, problem.title) == (status, HTTPStatus(status).phrase)
    assert said in problem.detail
    assert re.fullmatch("/docs#problem-[a-z-]+", problem.type)
    assert re.fullmatch(r"(/[\w.%-]+)+", problem.instance)


@pytest.mark.parametrize(
    "path",
    [
        *(resource.path for resource in RESOURCES),
        f"/orders/{ORDER_ID}",
        f"/decisions/{SIGNAL_ID}",
        "/health",
        "/docs",
        "/nowhere",
        "/orders?limit=0",
    ],
)
def test_the_head_of_an_answer_is_that_of_the_whole(client: TestClient, path: str) -> None:
    head, whole = client.head(path), client.get(path)
    assert head.content == b""
    assert (head.status_code, head.headers) == (whole.status_code, whole.headers)


def test_the_head_of_a_subscription_ends(client: TestClient) -> None:
    head = client.head("/subscribe?topic=bar-events")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"].startswith("text/event-stream")


@each
def test_nothing_can_be_written(client: TestClient, resource: Resource) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        answer = client.request(method, resource.path)
        assert answer.status_code == 405
        assert answer.json()["type"] == "/docs#problem-read-only"
        assert answer.headers["allow"] == "GET, HEAD"


def test_a_cursor_of_another_list_is_refused(fuller_client: TestClient) -> None:
    cursor = fuller_client.get("/bars?limit=1").json()["next"]
    answer = fuller_client.get("/orders", params={"cursor": cursor})
    assert answer.status_code == 422
    assert "another list" in answer.json()["detail"]


def test_a_cursor_with_text_that_no_database_holds_is_refused(fuller_client: TestClient) -> None:
    cursor = fuller_client.get("/orders?limit=1").json()["next"]
    relation, *place = msgspec.json.decode(urlsafe_b64decode(cursor + "=="))
    forged = [relation, *("\0" if isinstance(value, str) else value for value in place)]
    text = urlsafe_b64encode(msgspec.json.encode(forged)).decode().rstrip("=")
    assert fuller_client.get("/orders", params={"cursor": text}).status_code == 422


def test_a_database_that_broke_off_is_no_fault_of_ours() -> None:
    for lost in (psycopg.OperationalError(), psycopg.errors.IdleInTransactionSessionTimeout()):
        assert problems.of(lost).status == 503
