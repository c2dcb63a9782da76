"""What the market did in a span of time."""

from __future__ import annotations

from events.envelope import Event


class BarClosed(Event, frozen=True, kw_only=True):
    """A span of event time ended for a symbol. Prices are mids; `gap_bars` empty spans came before.

    `observed_at_us` is the event time of the tick that showed the span to be over; `backfilled`
    says that this tick was read from history, so that nothing that follows is news.
    """

    symbol: str
    timeframe_s: int
    opened_at_us: int
    closed_at_us: int
    observed_at_us: int
    open: float
    high: float
    low: float
    close: float
    bid_close: float
    ask_close: float
    spread_mean: float
    tick_count: int
    late_ticks: int
    gap_bars: int
    first_seq: int
    last_seq: int
    backfilled: bool = False
