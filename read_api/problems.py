"""Errors as RFC 9457 problem details, every one of them."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import msgspec
import psycopg
from fastapi import FastAPI, Request, Response
from psycopg_pool import PoolTimeout, TooManyRequests
from starlette.exceptions import HTTPException

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 1


class Problem(Exception):
    """What is wrong with a request, or with us: `kind` is stable, `detail` is for people."""

    def __init__(self, status: int, kind: str, detail: str, **headers: str) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def not_found(what: str, advice: str = "") -> Problem:
    """There is no such thing, as far as the read model has come."""
    unknown = f"{what} does not exist, or is not known here yet"
    return Problem(404, "not-found", f"{unknown}; {advice}" if advice else unknown)


def refused(detail: str) -> Problem:
    """The question makes no sense; the detail says what to ask instead."""
    return Problem(422, "bad-question", detail)


def away(what: str, kind: str = "away") -> Problem:
    """Something we depend on does not answer; asking again later helps."""
    return Problem(503, kind, f"{what}; try again soon", Retry_After=str(RETRY_AFTER_S))


def behind(what: str, position: str = "") -> Problem:
    """What is asked for has not come about in time; where it stands is in the `position`."""
    headers = {"Retry_After": str(RETRY_AFTER_S)}
    if position:
        headers["Tapedeck_Position"] = position
    return Problem(503, "behind", what, **headers)


def response(problem: Problem, instance: str) -> Response:
    """The problem as it is sent. `instance` is a path; a URI has no spaces and no controls."""
    body = {
        "type": f"/docs#problem-{problem.kind}",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail,
        "instance": quote(instance),
    }
    return Response(msgspec.json.encode(body), problem.status, problem.headers, MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Let every error of the application leave as a problem."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(psycopg.Error, _database)
    app.add_exception_handler(PoolTimeout, _database)
    app.add_exception_handler(TooManyRequests, _database)
    app.add_exception_handler(Exception, _bug)


def of(error: Exception) -> Problem:
    """The problem that an error amounts to."""
    match error:
        case Problem():
            return error
        case psycopg.errors.QueryCanceled():
            return away("the question took too long", "too-slow")
        case (
            psycopg.OperationalError()
            | psycopg.InterfaceError()
            | psycopg.errors.IdleInTransactionSessionTimeout()
        ):
            return away("the database does not answer")
        case psycopg.errors.UndefinedTable():
            return away("the read models are not built yet")
        case _:
            return Problem(500, "bug", "this is a fault of ours, and it has been logged")


async def _problem(request: Request, error: Exception) -> Response:
    return response(of(error), request.url.path)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    kind, detail = _KNOWN.get(error.status_code, ("http", error.detail))
    headers: Mapping[str, Any] = error.headers or {}
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers = {"Allow": "GET, HEAD"}
    problem = Problem(error.status_code, kind, detail, **headers)
    return response(problem, request.url.path)


_database = _bug = _problem
_KNOWN = {
    404: ("not-found", "there is nothing at this path; /docs lists what there is"),
    405: ("read-only", "this API answers questions and changes nothing: use GET or HEAD"),
}
