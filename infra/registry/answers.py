"""Requests and answers as bytes."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

import msgspec
from fastapi import Depends, Request
from msgspec import Struct
from starlette.responses import Response

from infra.registry import refusals
from infra.registry.canonical import canonical
from infra.registry.refusals import Refusal
from infra.registry.store import Store
from schemas.compatibility import Level

CONTENT_TYPE = "application/vnd.schemaregistry.v1+json"
BODY_BYTES_MAX = 1024 * 1024

S = TypeVar("S", bound=Struct)


class SchemaRequest(Struct, rename="camel"):
    """A schema as clients send it."""

    schema: str
    schema_type: str | None = None
    references: list[Any] | None = None
    id: int | None = None


class LevelRequest(Struct):
    """A compatibility level as clients send it."""

    compatibility: str


def answer(value: Any, status: int = 200) -> Response:
    """A JSON answer under Confluent's content type."""
    return Response(msgspec.json.encode(value), status, media_type=CONTENT_TYPE)


def refused(refusal: Refusal) -> Response:
    """A refusal as Confluent words it."""
    return answer({"error_code": refusal.code, "message": refusal.message}, refusal.status)


async def _body(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            raise refusals.unreadable_request(f"it is longer than {BODY_BYTES_MAX} bytes")
    return body


def _store(request: Request) -> Store:
    store: Store = request.app.state.store
    return store


Body = Annotated[bytes, Depends(_body)]
Kept = Annotated[Store, Depends(_store)]


def schema_in(body: bytes) -> str:
    """The canonical text of the schema in a request."""
    request = _decoded(body, SchemaRequest)
    if request.schema_type not in (None, "", "AVRO"):
        raise refusals.invalid_schema(f"type {request.schema_type}; this registry keeps AVRO only")
    if request.references:
        raise refusals.invalid_schema("references to other schemas; inline them")
    if request.id is not None:
        raise refusals.not_permitted("ids are given by the registry; leave `id` out")
    return canonical(request.schema)


def level_in(body: bytes) -> Level:
    """The compatibility level in a request, in whatever case."""
    text = _decoded(body, LevelRequest).compatibility
    try:
        return Level(text.upper())
    except ValueError:
        raise refusals.invalid_level(text) from None


def _decoded(body: bytes, kind: type[S]) -> S:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError as wrong:
        raise refusals.unreadable_request(str(wrong)) from wrong
