"""Bars become features: one registry, one step, used live, in replay and in training alike.

A feature depends on the last `WARM_UP_BARS` bars and on nothing else; until a symbol has that many,
nothing is emitted. Bars are counted, not seconds: a gap shows as the feature `gap_share_20` and in
the size of the move over it. The digest of the schema goes with every message, so that a model
never reads values of another meaning.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from events.bars import BarClosed
from events.predictions import FeaturesComputed
from processors import indicators as i
from processors.indicators import Indicator
from processors.processor import Processor
from processors.window import WARM_UP_BARS, WINDOW_BARS, Window, pushed

SCHEMA_VERSION = 1
"""Raise it when a formula changes its meaning under an old name."""


@dataclass(frozen=True, slots=True)
class Feature:
    """A named figure over the last `window_bars` bars; `formula` says what it is, with its source.

    C O H L are a bar's mids, r its log return, s the volatility over the whole window.
    """

    name: str
    window_bars: int
    formula: str
    compute: Indicator


FEATURES: tuple[Feature, ...] = (
    Feature("return_1", 1, "ln(C/C[-1]) / s", i.move(1)),
    Feature("return_2", 2, "ln(C/C[-2]) / (s sqrt 2)", i.move(2)),
    Feature("return_3", 3, "ln(C/C[-3]) / (s sqrt 3)", i.move(3)),
    Feature("return_6", 6, "ln(C/C[-6]) / (s sqrt 6)", i.move(6)),
    Feature("return_12", 12, "ln(C/C[-12]) / (s sqrt 12)", i.move(12)),
    Feature("return_30", 30, "ln(C/C[-30]) / (s sqrt 30)", i.move(30)),
    Feature("acceleration_6", 12, "return_6 less return_6 six bars ago", i.acceleration(6)),
    Feature("volatility_60", 60, "s = sqrt(mean r^2), mean taken as 0", lambda w: w.volatility),
    Feature("volatility_ratio_6", 6, "sqrt(mean r^2) / s", i.volatility_ratio(6)),
    Feature("volatility_ratio_20", 20, "sqrt(mean r^2) / s", i.volatility_ratio(20)),
    Feature(
        "parkinson_20", 20, "sqrt(mean ln(H/L)^2 / (4 ln 2)) / s (Parkinson 1980)", i.parkinson(20)
    ),
    Feature(
        "garman_klass_20",
        20,
        "sqrt(mean(ln(H/L)^2 / 2 - (2 ln 2 - 1) ln(C/O)^2)) / s (Garman, Klass 1980)",
        i.garman_klass(20),
    ),
    Feature(
        "true_range_14",
        14,
        "mean(max(H, C[-1]) - min(L, C[-1])) / (C s) (Wilder 1978)",
        i.true_range(14),
    ),
    Feature(
        "relative_strength_14",
        14,
        "sum of r > 0 / sum |r| (Wilder 1978, plain means: Cutler)",
        i.relative_strength(14),
    ),
    Feature(
        "macd_12_26",
        60,
        "(EMA12 C - EMA26 C) / (C s), 60 bars deep (Appel 1979)",
        i.average_gap(12, 26),
    ),
    Feature(
        "macd_turn_12_26_9",
        60,
        "MACD less its EMA9, 52 bars deep (Appel, Aspray 1986)",
        i.average_gap_turn(12, 26, 9),
    ),
    Feature("bollinger_20", 20, "(C - mean C) / deviation of C (Bollinger)", i.band_position(20)),
    Feature("stochastic_14", 14, "(C - min L) / (max H - min L) (Lane)", i.range_position(14)),
    Feature("range_position_60", 60, "(C - min L) / (max H - min L)", i.range_position(60)),
    Feature("efficiency_20", 20, "sum r / sum |r|, signed (Kaufman 1995)", i.efficiency(20)),
    Feature("up_share_20", 20, "mean sign r", i.up_share(20)),
    Feature("skewness_60", 60, "mean r^3 / s^3", i.skewness),
    Feature("kurtosis_60", 60, "mean r^4 / s^4", i.kurtosis),
    Feature("autocorrelation_60", 60, "sum r r[-1] / sum r^2", i.autocorrelation),
    Feature(
        "variance_ratio_5",
        60,
        "mean ln(C/C[-5])^2 / (5 s^2) (Lo, MacKinlay 1988)",
        i.variance_ratio,
    ),
    Feature("body_1", 1, "(C - O) / (H - L)", i.body),
    Feature("shadow_1", 1, "(upper shadow - lower shadow) / (H - L)", i.shadow),
    Feature("tick_rate_20", 20, "ln(ticks / mean ticks)", i.tick_rate(1, 20)),
    Feature("tick_trend_60", 60, "ln(mean ticks of 5 / mean ticks)", i.tick_rate(5, 60)),
    Feature("tick_flow_20", 20, "sum ticks sign r / sum ticks", i.tick_flow(20)),
    Feature("spread_cost_1", 1, "mean spread / (C s)", i.spread_cost),
    Feature("spread_ratio_60", 60, "mean spread / its mean", i.spread_ratio(60)),
    Feature("gap_share_20", 20, "empty spans / (empty spans + 20)", i.gap_share(20)),
    Feature("day_sine", 1, "sin(2 pi time of day UTC)", i.day_sine),
    Feature("day_cosine", 1, "cos(2 pi time of day UTC)", i.day_cosine),
)
FEATURE_NAMES = tuple(feature.name for feature in FEATURES)


def schema_digest(features: tuple[Feature, ...], version: int) -> str:
    """SHA-256 over what the values mean: version, window, and each feature's name and window."""
    named = [[feature.name, feature.window_bars] for feature in features]
    meaning = json.dumps([version, WINDOW_BARS, named], separators=(",", ":"))
    return hashlib.sha256(meaning.encode()).hexdigest()


FEATURE_DIGEST = schema_digest(FEATURES, SCHEMA_VERSION)
_COMPUTE = tuple(feature.compute for feature in FEATURES)


def step(window: Window, bar: BarClosed) -> tuple[Window, tuple[FeaturesComputed, ...]]:
    """One bar: it joins the window; once that is warm, the features as of its close."""
    window = pushed(window, bar)
    if window.bars_seen < WARM_UP_BARS:
        return window, ()
    return window, (_computed(window, bar),)


FEATURES_OF_BARS = Processor(
    name="features",
    version=SCHEMA_VERSION,
    reads=BarClosed,
    writes=(FeaturesComputed,),
    key=lambda bar: f"{bar.symbol}:{bar.timeframe_s}",
    state=Window,
    initial=Window(),
    step=step,
)


def _computed(window: Window, bar: BarClosed) -> FeaturesComputed:
    return FeaturesComputed(
        symbol=bar.symbol,
        timeframe_s=bar.timeframe_s,
        as_of_us=bar.closed_at_us,
        observed_at_us=bar.observed_at_us,
        bars_seen=window.bars_seen,
        close=bar.close,
        spread=bar.ask_close - bar.bid_close,
        volatility=window.volatility,
        feature_digest=FEATURE_DIGEST,
        values=tuple([compute(window) for compute in _COMPUTE]),
        backfilled=bar.backfilled,
    )
