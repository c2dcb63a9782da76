"""The last bars of a symbol, column by column: all that its features may depend on.

A column holds one term per bar, computed once when the bar comes, and is as long as the longest
feature over it needs. `WARM_UP_BARS` bars fill every column with values of their own, so a window
is a function of the last `WARM_UP_BARS` bars, wherever it was started.
"""

from __future__ import annotations

import math

from msgspec import Struct

from events.bars import BarClosed

WINDOW_BARS = 60
WARM_UP_BARS = WINDOW_BARS + 1
"""One more than the window, because the oldest return in it needs the close before."""
LAG_BARS_MAX = 30
SHORT_BARS = 20
JUMP_BARS = 5

Column = tuple[float, ...]
GARMAN_KLASS_BODY = 2.0 * math.log(2.0) - 1.0


class Window(Struct, frozen=True, array_like=True, gc=False):
    """Columns oldest first; logarithms are natural, prices are mids, r is the log return."""

    bars_seen: int = 0
    closed_at_us: int = 0
    open: float = 0.0
    volatility: float = 0.0  # root mean square of r over the window
    closes: Column = ()
    highs: Column = ()
    lows: Column = ()
    log_closes: Column = ()
    squares: Column = ()  # r^2
    cubes: Column = ()  # r^3
    quartics: Column = ()  # r^4
    neighbours: Column = ()  # r times the r before
    jumps: Column = ()  # squared log return over JUMP_BARS
    sizes: Column = ()  # |r|
    rises: Column = ()  # r where it is positive, else 0
    signs: Column = ()  # -1, 0, 1
    range_squares: Column = ()  # ln(H/L)^2
    garman_klass: Column = ()  # ln(H/L)^2 / 2 - (2 ln 2 - 1) ln(C/O)^2
    true_ranges: Column = ()
    ticks: Column = ()
    signed_ticks: Column = ()
    spreads: Column = ()  # mean spread / C
    gaps: Column = ()
    last_return: float = 0.0


def pushed(w: Window, bar: BarClosed) -> Window:
    """The window after one more bar."""
    before = w.closes[-1] if w.closes else bar.close
    log_close = math.log(bar.close)
    r = log_close - w.log_closes[-1] if w.closes else 0.0
    jump = log_close - w.log_closes[-JUMP_BARS] if len(w.log_closes) >= JUMP_BARS else 0.0
    square = r * r
    squares = _kept(w.squares, square, WINDOW_BARS)
    sign = 1.0 if r > 0.0 else -1.0 if r < 0.0 else 0.0
    log_range = math.log(bar.high / bar.low)
    body = math.log(bar.close / bar.open)
    garman_klass = 0.5 * log_range * log_range - GARMAN_KLASS_BODY * body * body
    ticks = float(bar.tick_count)
    return Window(
        w.bars_seen + 1,
        bar.closed_at_us,
        bar.open,
        math.sqrt(math.fsum(squares) / len(squares)),
        _kept(w.closes, bar.close, WINDOW_BARS),
        _kept(w.highs, bar.high, WINDOW_BARS),
        _kept(w.lows, bar.low, WINDOW_BARS),
        _kept(w.log_closes, log_close, LAG_BARS_MAX + 1),
        squares,
        _kept(w.cubes, square * r, WINDOW_BARS),
        _kept(w.quartics, square * square, WINDOW_BARS),
        _kept(w.neighbours, r * w.last_return, WINDOW_BARS - 1),
        _kept(w.jumps, jump * jump, WINDOW_BARS - JUMP_BARS + 1),
        _kept(w.sizes, abs(r), SHORT_BARS),
        _kept(w.rises, max(r, 0.0), SHORT_BARS),
        _kept(w.signs, sign, SHORT_BARS),
        _kept(w.range_squares, log_range * log_range, SHORT_BARS),
        _kept(w.garman_klass, garman_klass, SHORT_BARS),
        _kept(w.true_ranges, max(bar.high, before) - min(bar.low, before), SHORT_BARS),
        _kept(w.ticks, ticks, WINDOW_BARS),
        _kept(w.signed_ticks, ticks * sign, SHORT_BARS),
        _kept(w.spreads, bar.spread_mean / bar.close, WINDOW_BARS),
        _kept(w.gaps, float(bar.gap_bars), SHORT_BARS),
        r,
    )


def _kept(column: Column, value: float, length: int) -> Column:
    if len(column) == length:
        return (*column[1:], value)
    return (*column, value)
