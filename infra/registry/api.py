"""Confluent's REST interface, as far as its own clients use it."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from infra.registry import changes, queries
from infra.registry.answers import answer, refused
from infra.registry.refusals import Refusal, unreadable_request
from infra.registry.store import Store


def create_app(store: Store) -> FastAPI:
    """The registry as an application; the caller keeps `store` up to date."""
    app = FastAPI(title="Tapedeck schema registry", docs_url=None, redoc_url=None)
    app.state.store = store
    app.add_exception_handler(Refusal, _refusal)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _misspelt)
    routers: tuple[APIRouter, ...] = (changes.ROUTES, queries.ROUTES)
    for router in routers:
        app.include_router(router)
    return app


async def _refusal(_request: Request, refusal: Any) -> Response:
    return refused(refusal)


async def _misspelt(_request: Request, error: Any) -> Response:
    first = error.errors()[0]
    return refused(unreadable_request(f"{first['loc'][-1]}: {first['msg']}"))


async def _http_error(_request: Request, error: Any) -> Response:
    status = int(error.status_code)
    return answer({"error_code": status, "message": f"HTTP {status} {error.detail}"}, status)
