"""What was computed from the market, and what a model made of it."""

from __future__ import annotations

from events.envelope import Event


class FeaturesComputed(Event, frozen=True, kw_only=True):
    """The features of a symbol were computed at the close of a bar, in the order of their schema."""

    symbol: str
    timeframe_s: int
    as_of_us: int
    bars_seen: int
    close: float
    spread: float
    volatility: float
    feature_digest: str
    values: tuple[float, ...]


class PredictionMade(Event, frozen=True, kw_only=True):
    """A model gave the probability that the mid is higher at the horizon than at the close."""

    symbol: str
    timeframe_s: int
    as_of_us: int
    horizon_s: int
    probability_up: float
    close: float
    spread: float
    volatility: float
    model: str
    model_digest: str
    feature_digest: str
    environment_digest: str
