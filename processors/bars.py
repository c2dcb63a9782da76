"""Ticks become bars of several timeframes, closed by event time alone.

A bar closes on the first tick at or after its end. A span without ticks makes no bar: the next bar
says how many were skipped (`gap_bars`). A tick older than the open span of the finest timeframe is
late for every timeframe: it changes no bar and is counted (`late_ticks`). A tick out of order
inside that span joins it where the tape has it, so `close` is what was last received. A coarser bar
is the sum of the finest bars it spans, which makes a tick cost one timeframe, not three.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from events.bars import BarClosed
from events.market import TickReceived
from processors.processor import Processor

TIMEFRAMES_S = (10, 60, 300)
"""Finest first; each is a multiple of the first."""
SECOND_US = 1_000_000
FINEST_US = TIMEFRAMES_S[0] * SECOND_US


class Span(Struct, frozen=True, array_like=True, gc=False):
    """A stretch of ticks that is not over: prices are mids, `tick_count` 0 means still empty."""

    opened_at_us: int
    gap_bars: int
    open: float
    first_seq: int
    high: float
    low: float
    bid: float
    ask: float
    spread_sum: float
    tick_count: int
    late_ticks: int
    last_seq: int


class OpenBars(Struct, frozen=True, array_like=True, gc=False):
    """What a symbol's bars remember. The coarser spans lack what is still in `finest`."""

    ends_at_us: int = 0
    finest: Span | None = None
    coarser: tuple[Span, ...] = ()


def step(bars: OpenBars, tick: TickReceived) -> tuple[OpenBars, tuple[BarClosed, ...]]:
    """One tick: it joins the open span, or is late for it, or ends it and opens the next."""
    span = bars.finest
    at_us = tick.ts_source_us
    if span is None:
        return _opened(at_us, tick, ()), ()
    if at_us >= bars.ends_at_us:
        return _rolled(bars, span, tick)
    if at_us < span.opened_at_us:
        return replace(bars, finest=replace(span, late_ticks=span.late_ticks + 1)), ()
    bid = tick.bid
    ask = tick.ask
    mid = (bid + ask) / 2
    joined = Span(
        span.opened_at_us,
        span.gap_bars,
        span.open,
        span.first_seq,
        mid if mid > span.high else span.high,
        mid if mid < span.low else span.low,
        bid,
        ask,
        span.spread_sum + (ask - bid),
        span.tick_count + 1,
        span.late_ticks,
        tick.source_seq,
    )
    return OpenBars(bars.ends_at_us, joined, bars.coarser), ()


BARS = Processor(
    name="bars",
    version=1,
    reads=TickReceived,
    writes=(BarClosed,),
    key=lambda tick: tick.symbol,
    state=OpenBars,
    initial=OpenBars(),
    step=step,
)


def _rolled(
    bars: OpenBars, span: Span, tick: TickReceived
) -> tuple[OpenBars, tuple[BarClosed, ...]]:
    ended = [span, *(_merged(coarse, span) for coarse in bars.coarser)]
    opened: list[Span] = []
    closed: list[BarClosed] = []
    for timeframe_s, whole in zip(TIMEFRAMES_S, ended, strict=True):
        length_us = timeframe_s * SECOND_US
        start_us = tick.ts_source_us - tick.ts_source_us % length_us
        if start_us == whole.opened_at_us:
            opened.append(whole)
            continue
        closed.append(_closed(timeframe_s, whole, tick))
        opened.append(_empty(start_us, (start_us - whole.opened_at_us) // length_us - 1))
    return _opened(tick.ts_source_us, tick, tuple(opened)), tuple(closed)


def _opened(at_us: int, tick: TickReceived, spans: tuple[Span, ...]) -> OpenBars:
    """The state right after a tick that opens a finest span; `spans` are empty or half full."""
    spans = spans or tuple(_empty(at_us - at_us % (s * SECOND_US), 0) for s in TIMEFRAMES_S)
    first = _merged(spans[0], _of_one(spans[0].opened_at_us, tick))
    return OpenBars(first.opened_at_us + FINEST_US, first, spans[1:])


def _of_one(opened_at_us: int, tick: TickReceived) -> Span:
    mid = (tick.bid + tick.ask) / 2
    return Span(
        opened_at_us=opened_at_us,
        gap_bars=0,
        open=mid,
        first_seq=tick.source_seq,
        high=mid,
        low=mid,
        bid=tick.bid,
        ask=tick.ask,
        spread_sum=tick.ask - tick.bid,
        tick_count=1,
        late_ticks=0,
        last_seq=tick.source_seq,
    )


def _empty(opened_at_us: int, gap_bars: int) -> Span:
    return Span(opened_at_us, gap_bars, 0.0, 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0, 0, 0)


def _merged(span: Span, later: Span) -> Span:
    fresh = span.tick_count == 0
    return Span(
        opened_at_us=span.opened_at_us,
        gap_bars=span.gap_bars,
        open=later.open if fresh else span.open,
        first_seq=later.first_seq if fresh else span.first_seq,
        high=later.high if fresh else max(span.high, later.high),
        low=later.low if fresh else min(span.low, later.low),
        bid=later.bid,
        ask=later.ask,
        spread_sum=span.spread_sum + later.spread_sum,
        tick_count=span.tick_count + later.tick_count,
        late_ticks=span.late_ticks + later.late_ticks,
        last_seq=later.last_seq,
    )


def _closed(timeframe_s: int, span: Span, tick: TickReceived) -> BarClosed:
    return BarClosed(
        symbol=tick.symbol,
        timeframe_s=timeframe_s,
        opened_at_us=span.opened_at_us,
        closed_at_us=span.opened_at_us + timeframe_s * SECOND_US,
        observed_at_us=tick.ts_source_us,
        open=span.open,
        high=span.high,
        low=span.low,
        close=(span.bid + span.ask) / 2,
        bid_close=span.bid,
        ask_close=span.ask,
        spread_mean=span.spread_sum / span.tick_count,
        tick_count=span.tick_count,
        late_ticks=span.late_ticks,
        gap_bars=span.gap_bars,
        first_seq=span.first_seq,
        last_seq=span.last_seq,
        backfilled=tick.backfilled,
    )
