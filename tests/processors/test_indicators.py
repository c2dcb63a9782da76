"""The formulas against their textbook form, written out slowly over plain bars."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from itertools import pairwise

import pytest

from events.bars import BarClosed
from processors.features import FEATURE_NAMES, FEATURES_OF_BARS
from processors.window import WARM_UP_BARS
from tests.processors.walks import bar, run, wandering_bars

WALK = wandering_bars(WARM_UP_BARS, seed=5)
CLOSES = [each.close for each in WALK]
RETURNS = [math.log(b / a) for a, b in pairwise(CLOSES)]
VOLATILITY = math.sqrt(sum(r * r for r in RETURNS) / 60)
VALUES = dict(zip(FEATURE_NAMES, run(FEATURES_OF_BARS, WALK)[-1].values, strict=True))


def moved(bars: int) -> float:
    return math.log(CLOSES[-1] / CLOSES[-1 - bars]) / VOLATILITY / math.sqrt(bars)


def smoothed(values: list[float], span: int) -> float:
    """An exponential average with weights that add up to one."""
    weights = [(1 - 2 / (span + 1)) ** age for age in reversed(range(len(values)))]
    return sum(w * v for w, v in zip(weights, values, strict=True)) / sum(weights)


def macd(closes: list[float]) -> float:
    return smoothed(closes, 12) - smoothed(closes, 26)


def true_range(number: int) -> float:
    before, this = WALK[number - 1], WALK[number]
    ranges = (this.high - this.low, abs(this.high - before.close), abs(this.low - before.close))
    return max(ranges)


def garman_klass(each: BarClosed) -> float:
    high_low, close_open = math.log(each.high / each.low), math.log(each.close / each.open)
    return 0.5 * high_low**2 - (2 * math.log(2) - 1) * close_open**2


def macd_turn() -> float:
    recent = [macd(CLOSES[-52 - age : len(CLOSES) - age]) for age in reversed(range(9))]
    return (recent[-1] - smoothed(recent, 9)) / CLOSES[-1] / VOLATILITY


def within(bars: int) -> float:
    low = min(each.low for each in WALK[-bars:])
    high = max(each.high for each in WALK[-bars:])
    return (CLOSES[-1] - low) / (high - low)


def signs(bars: int) -> list[int]:
    return [(r > 0) - (r < 0) for r in RETURNS[-bars:]]


TICKS = [each.tick_count for each in WALK]
SPREADS = [each.spread_mean / each.close for each in WALK]
LAST = WALK[-1]
GAPS = sum(each.gap_bars for each in WALK[-20:])

TEXTBOOK: dict[str, Callable[[], float]] = {
    "return_1": lambda: moved(1),
    "return_30": lambda: moved(30),
    "acceleration_6": lambda: (
        moved(6) - math.log(CLOSES[-7] / CLOSES[-13]) / VOLATILITY / math.sqrt(6)
    ),
    "volatility_60": lambda: VOLATILITY,
    "volatility_ratio_6": lambda: (
        math.sqrt(statistics.fmean(r * r for r in RETURNS[-6:])) / VOLATILITY
    ),
    "parkinson_20": lambda: (
        math.sqrt(
            statistics.fmean(math.log(each.high / each.low) ** 2 for each in WALK[-20:])
            / (4 * math.log(2))
        )
        / VOLATILITY
    ),
    "garman_klass_20": lambda: (
        math.sqrt(statistics.fmean(garman_klass(each) for each in WALK[-20:])) / VOLATILITY
    ),
    "true_range_14": lambda: (
        statistics.fmean(true_range(-n) for n in range(1, 15)) / CLOSES[-1] / VOLATILITY
    ),
    "relative_strength_14": lambda: (
        sum(r for r in RETURNS[-14:] if r > 0) / sum(abs(r) for r in RETURNS[-14:])
    ),
    "macd_12_26": lambda: macd(CLOSES[-60:]) / CLOSES[-1] / VOLATILITY,
    "macd_turn_12_26_9": macd_turn,
    "bollinger_20": lambda: (
        (CLOSES[-1] - statistics.fmean(CLOSES[-20:])) / statistics.pstdev(CLOSES[-20:])
    ),
    "stochastic_14": lambda: within(14),
    "range_position_60": lambda: within(60),
    "efficiency_20": lambda: sum(RETURNS[-20:]) / sum(abs(r) for r in RETURNS[-20:]),
    "up_share_20": lambda: statistics.fmean(signs(20)),
    "skewness_60": lambda: statistics.fmean(r**3 for r in RETURNS) / VOLATILITY**3,
    "kurtosis_60": lambda: statistics.fmean(r**4 for r in RETURNS) / VOLATILITY**4,
    "autocorrelation_60": lambda: (
        sum(a * b for a, b in pairwise(RETURNS)) / sum(r * r for r in RETURNS)
    ),
    "variance_ratio_5": lambda: (
        statistics.fmean(math.log(CLOSES[n] / CLOSES[n - 5]) ** 2 for n in range(5, 61))
        / 5
        / VOLATILITY**2
    ),
    "body_1": lambda: (LAST.close - LAST.open) / (LAST.high - LAST.low),
    "shadow_1": lambda: (
        (LAST.high + LAST.low - max(LAST.open, LAST.close) - min(LAST.open, LAST.close))
        / (LAST.high - LAST.low)
    ),
    "tick_rate_20": lambda: math.log(TICKS[-1] / statistics.fmean(TICKS[-20:])),
    "tick_trend_60": lambda: math.log(statistics.fmean(TICKS[-5:]) / statistics.fmean(TICKS[-60:])),
    "tick_flow_20": lambda: (
        sum(t * s for t, s in zip(TICKS[-20:], signs(20), strict=True)) / sum(TICKS[-20:])
    ),
    "spread_cost_1": lambda: SPREADS[-1] / VOLATILITY,
    "spread_ratio_60": lambda: SPREADS[-1] / statistics.fmean(SPREADS[-60:]),
    "gap_share_20": lambda: GAPS / (GAPS + 20),
    "day_sine": lambda: math.sin(2 * math.pi * (LAST.closed_at_us / 1e6 % 86_400) / 86_400),
    "day_cosine": lambda: math.cos(2 * math.pi * (LAST.closed_at_us / 1e6 % 86_400) / 86_400),
}


@pytest.mark.parametrize("name", TEXTBOOK)
def test_a_feature_is_its_textbook_formula(name: str) -> None:
    assert VALUES[name] == pytest.approx(TEXTBOOK[name](), rel=1e-8, abs=1e-11)


def test_every_kind_of_feature_has_its_formula_checked() -> None:
    kinds = {name.rstrip("0123456789_") for name in FEATURE_NAMES}
    assert kinds == {name.rstrip("0123456789_") for name in TEXTBOOK}


def test_a_straight_rise_is_seen_as_one() -> None:
    rise = [bar(n, 1.0 + n / 1000) for n in range(WARM_UP_BARS)]
    values = dict(zip(FEATURE_NAMES, run(FEATURES_OF_BARS, rise)[-1].values, strict=True))
    assert values["relative_strength_14"] == pytest.approx(1.0)
    assert values["efficiency_20"] == pytest.approx(1.0)
    assert values["range_position_60"] == values["stochastic_14"] == values["up_share_20"] == 1.0
    assert min(values["macd_12_26"], values["bollinger_20"], values["return_12"]) > 0.5
