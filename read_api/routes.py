"""What may be asked: one line per read model. A list and its single rows follow from the line."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import Struct

from projections import (
    accounts,
    audit,
    bars,
    executions,
    orders,
    positions,
    predictions,
    signals,
    ticks,
)
from projections.projection import Projection
from projections.query import Query
from read_api import examples


@dataclass(frozen=True, slots=True)
class Resource:
    """A read model as a path: `/{name}` lists, `/{name}/{key}` shows one if the query has a key."""

    name: str
    summary: str
    projection: Projection
    query: Query
    example: Struct

    @property
    def path(self) -> str:
        """Where the list is."""
        return f"/{self.name}"

    @property
    def key(self) -> str:
        """The value of the example's key."""
        return str(getattr(self.example, self.query.key))


RESOURCES: tuple[Resource, ...] = (
    Resource("ticks", "Latest tick of each symbol", ticks.PROJECTION, ticks.LATEST, examples.TICK),
    Resource("bars", "Closed bars, newest first", bars.PROJECTION, bars.CLOSED, examples.BAR),
    Resource(
        "predictions",
        "Predictions, newest first",
        predictions.PROJECTION,
        predictions.MADE,
        examples.PREDICTION,
    ),
    Resource(
        "signals",
        "Signals raised, and those that were not",
        signals.PROJECTION,
        signals.MADE,
        examples.SIGNAL,
    ),
    Resource(
        "orders",
        "Orders and what became of them",
        orders.PROJECTION,
        orders.WANTED,
        examples.ORDER,
    ),
    Resource(
        "positions",
        "Positions, open and closed",
        positions.PROJECTION,
        positions.HELD,
        examples.POSITION,
    ),
    Resource(
        "executions",
        "Executions with their legs",
        executions.PROJECTION,
        executions.FOLLOWED,
        examples.EXECUTION,
    ),
    Resource(
        "accounts",
        "Accounts, their books and the limits in force",
        accounts.PROJECTION,
        accounts.TRADED,
        examples.ACCOUNT,
    ),
    Resource(
        "audit",
        "Every message of the tape with its cause; ticks stay on the tape",
        audit.PROJECTION,
        audit.RECORDED,
        examples.AUDITED,
    ),
)
