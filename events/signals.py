"""What the platform would do, or why it would rather not."""

from __future__ import annotations

from enum import Enum

from events.envelope import Event
from events.values import Side


class SignalRaised(Event, frozen=True, kw_only=True):
    """A prediction was sure enough to act on until it expires. Distances are in price units."""

    signal_id: str
    symbol: str
    side: Side
    confidence: float
    horizon_s: int
    raised_at_us: int
    expires_at_us: int
    price_reference: float
    stop_distance: float
    take_distance: float
    model_digest: str


class AbstainReason(Enum):
    """Why no signal was raised."""

    BACKFILLED = "backfilled"
    STALE = "stale"
    NOT_SURE = "not_sure"
    SPREAD_TOO_WIDE = "spread_too_wide"
    COOLING_DOWN = "cooling_down"


class Abstained(Event, frozen=True, kw_only=True):
    """A prediction was not acted on: the figure that was seen and the one that was needed."""

    symbol: str
    timeframe_s: int
    as_of_us: int
    reason: AbstainReason
    observed: float
    needed: float
    model_digest: str
