"""Every signal: those that were raised, and those that were not, with the figures."""

from __future__ import annotations

from typing import assert_never

from msgspec import Struct

from events.envelope import Message
from events.signals import Abstained, SignalRaised
from projections.projection import Projection, Rows, Table
from projections.query import SYMBOL, Query, during, equals

SIGNALS = Table("signals", ("signal_id",))

DDL = """
create table signals (
    signal_id text collate "C" primary key, symbol text collate "C", outcome text, at_us bigint,
    side text, confidence float8, horizon_s integer, expires_at_us bigint,
    price_reference float8, stop_distance float8, take_distance float8,
    reason text, observed float8, needed float8,
    model_digest text, message_id text, position text
)
"""

INDEXES = "create index if not exists signals_by_time on signals (at_us, signal_id)"


class Signal(Struct, frozen=True, kw_only=True):
    """What was made of a prediction. `reason`, `observed` and `needed` say why none was raised."""

    signal_id: str
    symbol: str
    outcome: str
    at_us: int
    side: str | None
    confidence: float | None
    horizon_s: int | None
    expires_at_us: int | None
    price_reference: float | None
    stop_distance: float | None
    take_distance: float | None
    reason: str | None
    observed: float | None
    needed: float | None
    model_digest: str
    message_id: str
    position: str


def apply(rows: Rows, message: Message[SignalRaised | Abstained]) -> None:
    """What was raised, or why nothing was."""
    match message.event:
        case SignalRaised() as raised:
            _raised(rows, message, raised)
        case Abstained() as abstained:
            _abstained(rows, message, abstained)
        case _:
            assert_never(message.event)


def _raised(rows: Rows, message: Message[SignalRaised | Abstained], event: SignalRaised) -> None:
    rows.put(
        SIGNALS,
        signal_id=event.signal_id,
        symbol=event.symbol,
        outcome="raised",
        at_us=event.raised_at_us,
        side=event.side,
        confidence=event.confidence,
        horizon_s=event.horizon_s,
        expires_at_us=event.expires_at_us,
        price_reference=event.price_reference,
        stop_distance=event.stop_distance,
        take_distance=event.take_distance,
        model_digest=event.model_digest,
        message_id=message.envelope.message_id,
        position=str(message.position),
    )


def _abstained(rows: Rows, message: Message[SignalRaised | Abstained], event: Abstained) -> None:
    rows.put(
        SIGNALS,
        signal_id=f"{event.symbol}-{event.timeframe_s}-{event.as_of_us}",
        symbol=event.symbol,
        outcome="abstained",
        at_us=event.as_of_us,
        reason=event.reason,
        observed=event.observed,
        needed=event.needed,
        model_digest=event.model_digest,
        message_id=message.envelope.message_id,
        position=str(message.position),
    )


PROJECTION = Projection(
    "signals", 1, DDL, ("signals",), (SignalRaised, Abstained), apply, indexes=INDEXES
)

MADE = Query(
    "signals",
    Signal,
    ("at_us", "signal_id"),
    (
        SYMBOL,
        equals("outcome", "`raised` or `abstained`"),
        *during("at_us"),
    ),
    key="signal_id",
)
