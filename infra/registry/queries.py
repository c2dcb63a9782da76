"""Requests that only ask; they are answered from memory, whether Kafka is there or not."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from infra.registry import decisions, refusals
from infra.registry.answers import CONTENT_TYPE, Body, Kept, answer, schema_in
from infra.registry.state import LATEST, Version

ROUTES = APIRouter()


@ROUTES.get("/")
def root() -> Response:
    """The registry is there."""
    return answer({})


@ROUTES.get("/contexts")
def contexts() -> Response:
    """There is one context."""
    return answer(["."])


@ROUTES.get("/schemas/types")
def schema_types() -> Response:
    """Avro is the one language of schemas."""
    return answer(["AVRO"])


@ROUTES.get("/schemas/ids/{schema_id}")
def schema_by_id(schema_id: int, store: Kept) -> Response:
    """The schema of an id, deleted or not: bytes that were written under it may still be there."""
    return answer({"schema": store.state.of_id(schema_id)[0].text})


@ROUTES.get("/schemas/ids/{schema_id}/schema")
def text_by_id(schema_id: int, store: Kept) -> Response:
    """The schema alone."""
    return _text(store.state.of_id(schema_id)[0])


@ROUTES.get("/schemas/ids/{schema_id}/subjects")
def subjects_by_id(
    schema_id: int, store: Kept, deleted: bool = False, offset: int = 0, limit: int = -1
) -> Response:
    """The subjects that have this schema."""
    found = [one.subject for one in store.state.of_id(schema_id) if deleted or not one.deleted]
    return answer(_page(list(dict.fromkeys(found)), offset, limit))


@ROUTES.get("/schemas/ids/{schema_id}/versions")
def versions_by_id(
    schema_id: int, store: Kept, deleted: bool = False, offset: int = 0, limit: int = -1
) -> Response:
    """Where this schema stands."""
    found = [one for one in store.state.of_id(schema_id) if deleted or not one.deleted]
    places = [{"subject": one.subject, "version": one.version} for one in found]
    return answer(_page(places, offset, limit))


@ROUTES.get("/subjects")
def subjects(
    store: Kept, deleted: bool = False, subjectPrefix: str = "", offset: int = 0, limit: int = -1
) -> Response:
    """All subjects."""
    state = store.state
    found = [
        subject
        for subject in sorted(state.subjects)
        if subject.startswith(subjectPrefix) and state.versions(subject, deleted=deleted)
    ]
    return answer(_page(found, offset, limit))


@ROUTES.get("/subjects/{subject:path}/versions")
def versions(
    subject: str, store: Kept, deleted: bool = False, offset: int = 0, limit: int = -1
) -> Response:
    """The version numbers of a subject."""
    numbers = [one.version for one in store.state.existing(subject, deleted=deleted)]
    return answer(_page(numbers, offset, limit))


@ROUTES.get("/subjects/{subject:path}/versions/{version}")
def version_of_subject(subject: str, version: str, store: Kept, deleted: bool = False) -> Response:
    """One version of a subject."""
    return answer(_described(store.state.version(subject, version, deleted=deleted)))


@ROUTES.get("/subjects/{subject:path}/versions/{version}/schema")
def text_of_version(subject: str, version: str, store: Kept, deleted: bool = False) -> Response:
    """The schema of a version alone."""
    return _text(store.state.version(subject, version, deleted=deleted))


@ROUTES.get("/subjects/{subject:path}/versions/{version}/referencedby")
def referenced_by(subject: str, version: str, store: Kept) -> Response:
    """No schema here refers to another."""
    store.state.version(subject, version)
    return answer([])


@ROUTES.post("/subjects/{subject:path}")
def lookup(subject: str, body: Body, store: Kept, deleted: bool = False) -> Response:
    """The version under which a subject has a schema."""
    text = schema_in(body)
    state = store.state
    state.existing(subject, deleted=deleted)
    found = decisions.find(state, subject, text, deleted=deleted)
    if found is None:
        raise refusals.schema_not_found()
    return answer(_described(found))


@ROUTES.post("/compatibility/subjects/{subject:path}/versions/{version}")
def compatible_with(
    subject: str, version: str, body: Body, store: Kept, verbose: bool = False
) -> Response:
    """Whether a schema may follow one version, at the subject's level."""
    text, state = schema_in(body), store.state
    nothing_yet = version == LATEST and not state.versions(subject)
    against = () if nothing_yet else (state.version(subject, version),)
    return _verdict(decisions.judge(state, subject, text, against), verbose)


@ROUTES.post("/compatibility/subjects/{subject:path}/versions")
def compatible(subject: str, body: Body, store: Kept, verbose: bool = False) -> Response:
    """Whether a schema could be registered now."""
    text, state = schema_in(body), store.state
    return _verdict(decisions.judge(state, subject, text, state.versions(subject)), verbose)


@ROUTES.get("/config")
def global_level(store: Kept) -> Response:
    """The level of all subjects that have none of their own."""
    return answer({"compatibilityLevel": store.state.level().value})


@ROUTES.get("/config/{subject:path}")
def level(subject: str, store: Kept, defaultToGlobal: bool = False) -> Response:
    """The level of a subject."""
    state = store.state
    if subject not in state.levels and not defaultToGlobal:
        raise refusals.level_not_set(subject)
    return answer({"compatibilityLevel": state.level(subject).value})


@ROUTES.get("/mode")
@ROUTES.get("/mode/{subject:path}")
def mode(subject: str = "") -> Response:
    """Every subject can be read and written."""
    del subject
    return answer({"mode": "READWRITE"})


def _described(one: Version) -> dict[str, Any]:
    return {
        "subject": one.subject,
        "version": one.version,
        "id": one.id,
        "schema": one.text,
        **({"deleted": True} if one.deleted else {}),
    }


def _verdict(faults: tuple[str, ...], verbose: bool) -> Response:
    return answer({"is_compatible": not faults, **({"messages": list(faults)} if verbose else {})})


def _text(one: Version) -> Response:
    return Response(one.text, media_type=CONTENT_TYPE)


def _page(found: list[Any], offset: int, limit: int) -> list[Any]:
    return found[offset:] if limit < 0 else found[offset : offset + limit]
