"""The OpenAPI document: routes from the table, shapes from the rows' own classes."""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from msgspec import Struct

from read_api.decisions import Trail
from read_api.routes import RESOURCES
from read_api.story import Decision
from read_api.vitals import Ready, Topics


class ProblemDetails(Struct, kw_only=True):
    """What is wrong with a request, or with us (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    instance: str


SHAPES: tuple[type[Struct], ...] = (
    *(type(resource.example) for resource in RESOURCES),
    Decision,
    Trail,
    Ready,
    Topics,
    ProblemDetails,
)


def install(app: FastAPI) -> None:
    """Let `/openapi.json` be made by us."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _made(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign] # FastAPI's documented way


def _made(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title, version=app.version, summary=app.summary, routes=app.routes
    )
    _, shapes = msgspec.json.schema_components(SHAPES, ref_template="#/components/schemas/{name}")
    document["components"] = {"schemas": shapes}
    for route in app.routes:
        if isinstance(route, APIRoute) and route.openapi_extra is not None:
            operation = document["paths"][route.path_format]["get"]
            operation.update(route.openapi_extra)  # as it is: FastAPI leaves out what is null
    return document
