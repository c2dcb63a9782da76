"""Requests that register, delete or set something."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from infra.registry import decisions, refusals
from infra.registry.answers import Body, Kept, answer, level_in, schema_in

ROUTES = APIRouter()


@ROUTES.post("/subjects/{subject:path}/versions")
def register(subject: str, body: Body, store: Kept) -> Response:
    """The id of the schema under this subject; a new version if it has none."""
    return answer({"id": store.change(decisions.register(subject, schema_in(body)))})


@ROUTES.delete("/subjects/{subject:path}/versions/{version}")
def delete_version(subject: str, version: str, store: Kept, permanent: bool = False) -> Response:
    """Hide a version, or forget a hidden one."""
    return answer(store.change(decisions.delete_version(subject, version, permanent=permanent)))


@ROUTES.delete("/subjects/{subject:path}")
def delete_subject(subject: str, store: Kept, permanent: bool = False) -> Response:
    """Hide a subject, or forget a hidden one."""
    return answer(store.change(decisions.delete_subject(subject, permanent=permanent)))


@ROUTES.put("/config")
def set_global_level(body: Body, store: Kept) -> Response:
    """The level of all subjects that have none of their own."""
    return answer({"compatibility": store.change(decisions.set_level(None, level_in(body))).value})


@ROUTES.put("/config/{subject:path}")
def set_level(subject: str, body: Body, store: Kept) -> Response:
    """The level of a subject, which need not exist yet."""
    level = store.change(decisions.set_level(subject, level_in(body)))
    return answer({"compatibility": level.value})


@ROUTES.delete("/config")
def unset_global_level(store: Kept) -> Response:
    """Back to the default."""
    return answer({"compatibilityLevel": store.change(decisions.unset_level(None)).value})


@ROUTES.delete("/config/{subject:path}")
def unset_level(subject: str, store: Kept) -> Response:
    """Back to the global level."""
    return answer({"compatibilityLevel": store.change(decisions.unset_level(subject)).value})


@ROUTES.put("/mode")
@ROUTES.put("/mode/{subject:path}")
def set_mode(subject: str = "") -> Response:
    """This registry is never made read-only, and never takes ids from outside."""
    raise refusals.not_permitted(f"the mode {f'of {subject} ' if subject else ''}is READWRITE")
