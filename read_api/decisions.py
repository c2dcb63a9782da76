"""`/decisions/{id}` and `/audit/{message_id}`: why something was done, as JSON, text or a page."""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response
from msgspec import Struct

from projections import audit, executions, orders, signals
from projections.query import one
from read_api import examples, timeline
from read_api.asked import known_only
from read_api.lists import VIEWED, already, answer, one_extra, unchanged
from read_api.problems import not_found, refused
from read_api.store import Row, Snapshot, Standing, columns
from read_api.story import BarTicks, Decision, FeatureNames, told
from read_api.tape import Tape
from read_api.views import PARAMETERS, Views

FORMATS = {"json": "application/json", "text": "text/plain", "html": "text/html"}
PROJECTIONS = (
    audit.PROJECTION,
    executions.PROJECTION,
    orders.PROJECTION,
    signals.PROJECTION,
)


class Trail(Struct, kw_only=True):
    """A message, the chain of its causes, nearest first, and what it caused, nearest first.

    `cause_position` is where the cause of the last of `causes` (or of the message) stands on the
    tape, if that is a tick: ticks are not kept here.
    """

    message: dict[str, Any]
    causes: list[dict[str, Any]]
    effects: list[dict[str, Any]]
    cause_position: str | None


DECISION = Decision(
    id=examples.SIGNAL_ID,
    signal={"signal_id": examples.SIGNAL_ID, "side": "buy", "confidence": 0.91},
    prediction={"probability_up": 0.5731, "model_digest": examples.DIGEST},
    features={"return_1": 0.00012, "volatility_20": 0.00021},
    bar=msgspec.to_builtins(examples.BAR),
    ticks=BarTicks(closing_position="market-data-events/0/184213", complete=True),
    execution=msgspec.to_builtins(examples.EXECUTION),
    orders=[msgspec.to_builtins(examples.ORDER)],
    steps=[msgspec.to_builtins(examples.AUDITED)],
)
TRAIL = Trail(
    message=msgspec.to_builtins(examples.AUDITED), causes=[], effects=[], cause_position=None
)


class Decisions:
    """The two endpoints that follow causes."""

    def __init__(self, views: Views, tape: Tape, names: FeatureNames) -> None:
        self._views = views
        self._tape = tape
        self._names = names

    def install(self, app: FastAPI) -> None:
        """Add them to the application."""
        app.add_api_route(
            "/decisions/{name:path}",
            self.decision,
            methods=["GET"],
            summary="The story of an order, execution, signal or message, back to its ticks",
            response_class=Response,
            openapi_extra=one_extra(DECISION, examples.ORDER_ID, *VIEWED),
        )
        app.add_api_route(
            "/audit/{name}",
            self.trail,
            methods=["GET"],
            summary="One message, with its causes and its effects",
            response_class=Response,
            openapi_extra=one_extra(TRAIL, examples.MESSAGE_ID, *VIEWED),
        )

    async def decision(self, request: Request) -> Response:
        """As JSON; as text or a page for people, by `Accept` or `?format=`."""
        known_only(request.query_params, ("format", *PARAMETERS))
        form = _form(request)
        name = request.path_params["name"]
        known_only({"id": name}, ["id"])
        async with self._views.open(request.query_params, *PROJECTIONS) as (snapshot, found):
            decision = await told(snapshot, self._tape, self._names, name)
        position = ";".join(f"{s.name}:{s.position}" for s in found)
        etag = _etag(form, decision, found)
        headers = {
            "ETag": etag,
            "Tapedeck-Position": position,
            "Cache-Control": "no-cache",
            "Vary": "Accept",
        }
        if already(request, etag):
            return Response(status_code=304, headers=headers)
        content: str | bytes
        match form:
            case "text":
                content = timeline.text(decision)
            case "html":
                content = timeline.html(decision)
            case _:
                content = msgspec.json.encode(decision)
        return Response(content, headers=headers, media_type=FORMATS[form])

    async def trail(self, request: Request) -> Response:
        """A message and what hangs together with it."""
        known_only(request.query_params, PARAMETERS)
        name = request.path_params["name"]
        known_only({"message_id": name}, ["message_id"])
        seen = self._views.open(request.query_params, audit.PROJECTION)
        async with seen as (snapshot, (standing,)):
            found = await _trail(snapshot, name)
        return unchanged(request, standing) or answer(found, standing)


async def _trail(snapshot: Snapshot, name: str) -> Trail:
    rows = await snapshot.rows(*one(audit.RECORDED, name))
    if not rows:
        raise not_found(f"message {name}")
    asked = {"id": name, "limit": audit.CHAIN_MAX}
    causes = await snapshot.rows(columns(audit.RECORDED.columns, audit.CAUSES), asked)
    effects = await snapshot.rows(columns(audit.RECORDED.columns, audit.EFFECTS), asked)
    first: Row = (causes or rows)[-1]
    tick = None
    if first["type"] == "BarClosed":
        tick = audit.cause_of(first["source"], first["sequence"], "market-data-events")
    position = None if tick is None else str(tick)
    return Trail(message=rows[0], causes=causes, effects=effects, cause_position=position)


def _etag(form: str, decision: Decision, stood: list[Standing]) -> str:
    """The ticks are the tape's, which may be away while the tables stand still: they count too."""
    return f'"{form};{len(decision.ticks.ticks)};{";".join(s.state for s in stood)}"'


def _form(request: Request) -> str:
    form = request.query_params.get("format")
    if form is None:
        accepted = request.headers.get("accept", "")
        ranked = [name for name in ("json", "html", "text") if FORMATS[name] in accepted]
        return min(ranked, key=lambda name: accepted.index(FORMATS[name]), default="json")
    if form not in FORMATS:
        raise refused(f"format is {form}; give json, text or html")
    return form
