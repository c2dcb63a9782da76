"""The formulas of the features: plain float arithmetic over the window, the same bits everywhere.

Sums are `math.fsum`: correctly rounded, so no order of summation and no vector unit can change
them. Distances and moves are in units of the window's volatility, which makes symbols comparable.
Where a market stood still and a divisor is zero, the feature is 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from math import fsum
from operator import mul

from processors.window import JUMP_BARS, WINDOW_BARS, Column, Window

Indicator = Callable[[Window], float]
DAY_US = 86_400_000_000


def move(bars: int) -> Indicator:
    """Log return over some bars, per volatility and root of time."""
    root = math.sqrt(bars)
    return lambda w: _over(w.log_closes[-1] - w.log_closes[-1 - bars], w.volatility * root)


def acceleration(bars: int) -> Indicator:
    """The latest move over some bars less the one before it."""
    root = math.sqrt(bars)

    def of(w: Window) -> float:
        late, mid, early = w.log_closes[-1], w.log_closes[-1 - bars], w.log_closes[-1 - 2 * bars]
        return _over((late - mid) - (mid - early), w.volatility * root)

    return of


def volatility_ratio(bars: int) -> Indicator:
    """Volatility of the latest bars against the window's."""
    return lambda w: _over(math.sqrt(fsum(w.squares[-bars:]) / bars), w.volatility)


def parkinson(bars: int) -> Indicator:
    """Parkinson's range volatility against the window's."""
    scale = 4.0 * math.log(2.0) * bars
    return lambda w: _over(math.sqrt(fsum(w.range_squares[-bars:]) / scale), w.volatility)


def garman_klass(bars: int) -> Indicator:
    """Garman and Klass's open-high-low-close volatility against the window's."""
    return lambda w: _over(math.sqrt(max(0.0, fsum(w.garman_klass[-bars:])) / bars), w.volatility)


def true_range(bars: int) -> Indicator:
    """Average true range in units of price times volatility."""
    return lambda w: _over(fsum(w.true_ranges[-bars:]) / bars, w.closes[-1] * w.volatility)


def relative_strength(bars: int) -> Indicator:
    """Ups as a share of all movement, 0 to 1; one half where nothing moved."""

    def of(w: Window) -> float:
        total = fsum(w.sizes[-bars:])
        return fsum(w.rises[-bars:]) / total if total else 0.5

    return of


def average_gap(fast: int, slow: int) -> Indicator:
    """Fast less slow exponential average of closes, in units of price times volatility."""
    weights = _average_gap_weights(fast, slow, WINDOW_BARS)
    return lambda w: _over(_weighted(weights, w.closes), w.closes[-1] * w.volatility)


def average_gap_turn(fast: int, slow: int, smooth: int) -> Indicator:
    """`average_gap` less its own exponential average: MACD's histogram as one linear filter."""
    reach = WINDOW_BARS - smooth + 1
    now = _average_gap_weights(fast, slow, reach)
    weights = [0.0] * (smooth - 1) + list(now)
    for age, share in enumerate(reversed(_exponential_weights(smooth, smooth))):
        for place, weight in enumerate(now):
            weights[place + smooth - 1 - age] -= share * weight
    final = tuple(weights)
    return lambda w: _over(_weighted(final, w.closes), w.closes[-1] * w.volatility)


def band_position(bars: int) -> Indicator:
    """Close less its mean, in standard deviations of the closes."""

    def of(w: Window) -> float:
        closes = w.closes[-bars:]
        mean = fsum(closes) / bars
        deviation = math.sqrt(fsum([(c - mean) * (c - mean) for c in closes]) / bars)
        # Closes that are equal may leave a deviation of rounding alone: that is standing still.
        return _over(closes[-1] - mean, deviation) if deviation > 1e-12 * mean else 0.0

    return of


def range_position(bars: int) -> Indicator:
    """Where the close stands between the lowest low (0) and the highest high (1)."""

    def of(w: Window) -> float:
        low = min(w.lows[-bars:])
        return _over(w.closes[-1] - low, max(w.highs[-bars:]) - low)

    return of


def efficiency(bars: int) -> Indicator:
    """Net move as a share of the path walked, signed."""
    return lambda w: _over(w.log_closes[-1] - w.log_closes[-1 - bars], fsum(w.sizes[-bars:]))


def up_share(bars: int) -> Indicator:
    """Bars that rose less bars that fell, as a share of all."""
    return lambda w: fsum(w.signs[-bars:]) / bars


def skewness(w: Window) -> float:
    """Third moment of the returns about zero."""
    return _over(fsum(w.cubes) / WINDOW_BARS, w.volatility * w.volatility * w.volatility)


def kurtosis(w: Window) -> float:
    """Fourth moment of the returns about zero."""
    variance = w.volatility * w.volatility
    return _over(fsum(w.quartics) / WINDOW_BARS, variance * variance)


def autocorrelation(w: Window) -> float:
    """First-order autocorrelation of the returns about zero."""
    return _over(fsum(w.neighbours) / WINDOW_BARS, w.volatility * w.volatility)


def variance_ratio(w: Window) -> float:
    """Variance of overlapping `JUMP_BARS` moves per bar, against the variance of single bars."""
    return _over(fsum(w.jumps) / len(w.jumps) / JUMP_BARS, w.volatility * w.volatility)


def body(w: Window) -> float:
    """Close less open as a share of the last bar's range."""
    return _over(w.closes[-1] - w.open, w.highs[-1] - w.lows[-1])


def shadow(w: Window) -> float:
    """Upper less lower shadow as a share of the last bar's range."""
    upper = w.highs[-1] - max(w.open, w.closes[-1])
    lower = min(w.open, w.closes[-1]) - w.lows[-1]
    return _over(upper - lower, w.highs[-1] - w.lows[-1])


def tick_rate(latest: int, bars: int) -> Indicator:
    """Log of ticks per bar lately against a longer stretch."""
    return lambda w: math.log((fsum(w.ticks[-latest:]) / latest) / (fsum(w.ticks[-bars:]) / bars))


def tick_flow(bars: int) -> Indicator:
    """Ticks in rising bars less ticks in falling bars, as a share of all ticks."""

    return lambda w: fsum(w.signed_ticks[-bars:]) / fsum(w.ticks[-bars:])


def spread_cost(w: Window) -> float:
    """The last bar's mean spread against volatility."""
    return _over(w.spreads[-1], w.volatility)


def spread_ratio(bars: int) -> Indicator:
    """The last bar's mean spread against its average."""
    return lambda w: _over(w.spreads[-1], fsum(w.spreads[-bars:]) / bars)


def gap_share(bars: int) -> Indicator:
    """Empty spans as a share of all spans that the latest bars stretch over."""

    def of(w: Window) -> float:
        empty = fsum(w.gaps[-bars:])
        return empty / (empty + bars)

    return of


def day_sine(w: Window) -> float:
    """Sine of the time of day (UTC)."""
    return math.sin(2.0 * math.pi * (w.closed_at_us % DAY_US) / DAY_US)


def day_cosine(w: Window) -> float:
    """Cosine of the time of day (UTC)."""
    return math.cos(2.0 * math.pi * (w.closed_at_us % DAY_US) / DAY_US)


def _over(value: float, divisor: float) -> float:
    return value / divisor if divisor else 0.0


def _weighted(weights: Column, values: Column) -> float:
    return fsum(map(mul, weights, values))


def _exponential_weights(span: int, length: int) -> Column:
    """Weights of an exponential average of `length` values, oldest first, that add up to one."""
    decay = 1.0 - 2.0 / (span + 1)
    raw = [decay**age for age in range(length - 1, -1, -1)]
    return tuple(weight / fsum(raw) for weight in raw)


def _average_gap_weights(fast: int, slow: int, length: int) -> Column:
    quick, calm = _exponential_weights(fast, length), _exponential_weights(slow, length)
    return tuple(q - c for q, c in zip(quick, calm, strict=True))
