"""What the market said: quotes as they came, and quotes that were set aside."""

from __future__ import annotations

from enum import Enum

from events.envelope import Event


class TickReceived(Event, frozen=True, kw_only=True):
    """A terminal or a recording quoted a symbol. Prices are the source's doubles, untouched."""

    symbol: str
    source: str
    source_seq: int
    ts_source_us: int
    ts_received_us: int
    bid: float
    ask: float
    bid_volume: float | None = None
    ask_volume: float | None = None
    flags: int = 0
    backfilled: bool = False


class QuoteFault(Enum):
    """Why a quote was not put on the tape."""

    CROSSED = "crossed"
    NOT_POSITIVE = "not_positive"
    NOT_A_NUMBER = "not_a_number"
    FROM_THE_FUTURE = "from_the_future"
    STALE = "stale"
    DUPLICATE = "duplicate"
    UNREADABLE = "unreadable"


class QuoteQuarantined(Event, frozen=True, kw_only=True):
    """A quote was refused and kept here as text, with the reason."""

    symbol: str
    source: str
    reason: QuoteFault
    ts_received_us: int
    raw: str
