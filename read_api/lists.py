"""Lists and single rows of every read model, made from the table of routes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response

from projections.query import one, page
from read_api import asof, receipts
from read_api.asked import LIMIT_DEFAULT, LIMIT_MAX, cursor_after, known_only, page_of
from read_api.problems import not_found
from read_api.routes import RESOURCES, Resource
from read_api.store import Row, Standing
from read_api.views import PARAMETERS, Views

Endpoint = Callable[[Request], Awaitable[Response]]


def install(app: FastAPI, views: Views) -> None:
    """Two routes per resource: all of them, and one of them."""
    for resource in RESOURCES:
        app.add_api_route(
            resource.path,
            _list(views, resource),
            methods=["GET"],
            name=resource.name,
            summary=resource.summary,
            response_class=Response,
            openapi_extra=_list_extra(resource),
        )
        if resource.query.key and resource.name != "audit":
            app.add_api_route(
                resource.path + "/{name:path}",
                _one(views, resource),
                methods=["GET"],
                name=f"{resource.name}-one",
                summary=f"One of {resource.path}, by its {resource.query.key}",
                response_class=Response,
                openapi_extra=one_extra(resource.example, resource.key, *VIEWED),
            )


def unchanged(request: Request, standing: Standing) -> Response | None:
    """304 if the asker has this answer already. Ask only where there is one."""
    if not already(request, standing.etag):
        return None
    return Response(status_code=304, headers=headers(standing))


def already(request: Request, etag: str) -> bool:
    """Whether `If-None-Match` names the tag, or any (RFC 9110, 13.1.2)."""
    asked = ", ".join(request.headers.getlist("if-none-match"))
    return asked.strip() == "*" or etag in asked


def headers(standing: Standing) -> dict[str, str]:
    """Where the answer comes from: the position of the projection, in full and as `ETag`."""
    return {
        "ETag": standing.etag,
        "Tapedeck-Position": standing.position,
        "Cache-Control": "no-cache",
    }


def answer(content: Any, standing: Standing) -> Response:
    """A JSON answer of a read model. Decimals are text, so that no digit is lost."""
    return Response(
        msgspec.json.encode(content), headers=headers(standing), media_type="application/json"
    )


def _list(views: Views, resource: Resource) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        wanted = page_of(resource.query, request.query_params, PARAMETERS)
        async with views.open(request.query_params, resource.projection) as (snapshot, (standing,)):
            if (same := unchanged(request, standing)) is not None:
                return same
            sql, params = page(resource.query, wanted.filters, wanted.after, wanted.limit + 1)
            rows = await snapshot.rows(sql, params)
        return answer(_page(resource, rows, wanted.limit), standing)

    return endpoint


def _page(resource: Resource, rows: list[Row], limit: int) -> dict[str, Any]:
    items = rows[:limit]
    more = len(rows) > limit
    return {"items": items, "next": cursor_after(resource.query, items[-1]) if more else None}


def _one(views: Views, resource: Resource) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        known_only(request.query_params, PARAMETERS)
        name = request.path_params["name"]
        known_only({resource.query.key: name}, [resource.query.key])
        async with views.open(request.query_params, resource.projection) as (snapshot, (standing,)):
            rows = await snapshot.rows(*one(resource.query, name))
        if not rows:
            raise not_found(f"{resource.query.key} {name}")
        return unchanged(request, standing) or answer(rows[0], standing)

    return endpoint


def _list_extra(resource: Resource) -> dict[str, Any]:
    filters = [
        parameter(f.name, f"{f.meaning}{_FORMS.get(f.kind.value, '')}")
        for f in resource.query.filters
    ]
    limit = parameter("limit", f"rows per page, 1 to {LIMIT_MAX} ({LIMIT_DEFAULT} if not given)")
    cursor = parameter("cursor", "`next` of the page before")
    shape = type(resource.example).__name__
    return {
        "parameters": [*filters, limit, cursor, *VIEWED],
        "responses": responses(
            {
                "type": "object",
                "required": ["items", "next"],
                "properties": {
                    "items": {"type": "array", "items": {"$ref": f"#/components/schemas/{shape}"}},
                    "next": {"type": ["string", "null"]},
                },
            },
            {"items": [msgspec.to_builtins(resource.example)], "next": None},
        ),
    }


def one_extra(example: msgspec.Struct, key: str, *parameters: dict[str, Any]) -> dict[str, Any]:
    """The documentation of a route `…/{name}` that answers with such a struct."""
    name = {"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}
    shape = {"$ref": f"#/components/schemas/{type(example).__name__}"}
    return {
        "parameters": [{**name, "example": key}, *parameters],
        "responses": responses(shape, msgspec.to_builtins(example)),
    }


def responses(schema: dict[str, Any], example: Any) -> dict[str, Any]:
    """The documentation of a JSON answer, and of the problems that may come instead."""
    problem = {
        "application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}
    }
    return {
        "200": {
            "description": "As of `Tapedeck-Position`",
            "content": {"application/json": {"schema": schema, "example": example}},
        },
        "304": {"description": "Nothing has changed since the answer with this `ETag`"},
        "default": {"description": "What is wrong (RFC 9457)", "content": problem},
    }


def parameter(name: str, meaning: str) -> dict[str, Any]:
    """The documentation of a query parameter."""
    return {"name": name, "in": "query", "description": meaning, "schema": {"type": "string"}}


VIEWED = (
    parameter(asof.PARAMETER, asof.MEANING),
    parameter(receipts.PARAMETER, receipts.MEANING),
    parameter(receipts.WAIT, receipts.WAIT_MEANING),
)
"""Of every route that answers with read models."""
_FORMS = {
    "number": " (a whole number)",
    "time": " (UTC microseconds, or as in 2026-03-19T08:00:00Z)",
}
