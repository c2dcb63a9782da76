"""What was computed from the market, and what a model made of it."""

from __future__ import annotations

from events.envelope import Event


class FeaturesComputed(Event, frozen=True, kw_only=True):
    """The features of a symbol were computed at the close of a bar, in the order of their schema.

    `as_of_us` is the close of the bar: nothing later is in the values. `spread` is in price units,
    `volatility` is the standard deviation of log returns per bar.
    """

    symbol: str
    timeframe_s: int
    as_of_us: int
    observed_at_us: int
    bars_seen: int
    close: float
    spread: float
    volatility: float
    feature_digest: str
    values: tuple[float, ...]
    backfilled: bool = False


class PredictionMade(Event, frozen=True, kw_only=True):
    """A model gave the probability that the mid is higher at the horizon than at the close.

    `confidence` ranks how far the probability is from one half: the share of the model's
    calibration rows on which it was less sure. It says how rare such sureness is, not how right.
    """

    symbol: str
    timeframe_s: int
    as_of_us: int
    observed_at_us: int
    horizon_s: int
    probability_up: float
    confidence: float
    close: float
    spread: float
    volatility: float
    model: str
    model_digest: str
    feature_digest: str
    environment_digest: str
    backfilled: bool = False
