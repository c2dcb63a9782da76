"""Features become predictions, each with the digests of all that made it.

The model is given: this file knows no library. Features of another timeframe or of another schema
than the model's make no prediction. A prediction that is no probability is refused loudly.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from typing import Protocol

from events.predictions import FeaturesComputed, PredictionMade
from processors.processor import Processor


class Predictor(Protocol):
    """A loaded model. `sureness` holds ascending quantiles of |p - 1/2| on its calibration rows."""

    @property
    def model(self) -> str: ...
    @property
    def model_digest(self) -> str: ...
    @property
    def feature_digest(self) -> str: ...
    @property
    def environment_digest(self) -> str: ...
    @property
    def timeframe_s(self) -> int: ...
    @property
    def horizon_s(self) -> int: ...
    @property
    def sureness(self) -> tuple[float, ...]: ...

    def probabilities_up(self, rows: Sequence[tuple[float, ...]]) -> list[float]:
        """One probability per row, with the same bits however the rows are batched."""
        ...


def inference(predictor: Predictor) -> Processor[None, FeaturesComputed, PredictionMade]:
    """The processor that predicts with this model. It remembers nothing."""
    return Processor(
        name="inference",
        version=1,
        reads=FeaturesComputed,
        writes=(PredictionMade,),
        key=lambda features: f"{features.symbol}:{features.timeframe_s}",
        state=type(None),
        initial=None,
        step=lambda _, features: (None, predictions(predictor, (features,))[0]),
        batch=lambda many: predictions(predictor, many),
    )


def predictions(
    predictor: Predictor, events: Sequence[FeaturesComputed]
) -> list[tuple[PredictionMade, ...]]:
    """What the model makes of each of many features: the same as of each alone, but faster."""
    meant = [event for event in events if _is_meant(predictor, event)]
    for event in meant:
        _check_finite(event)
    rows = [event.values for event in meant]
    probabilities = iter(predictor.probabilities_up(rows) if rows else ())
    return [
        (_predicted(predictor, event, next(probabilities)),) if _is_meant(predictor, event) else ()
        for event in events
    ]


def confidence(sureness: tuple[float, ...], probability_up: float) -> float:
    """The share of calibration rows on which the model was less sure than this, 0 to 1."""
    return bisect_left(sureness, abs(probability_up - 0.5)) / len(sureness)


def _is_meant(predictor: Predictor, event: FeaturesComputed) -> bool:
    return (
        event.timeframe_s == predictor.timeframe_s
        and event.feature_digest == predictor.feature_digest
    )


def _check_finite(event: FeaturesComputed) -> None:
    if not all(map(math.isfinite, event.values)):
        raise ValueError(
            f"features of {event.symbol} as of {event.as_of_us} are not finite: {event.values}"
        )


def _predicted(predictor: Predictor, event: FeaturesComputed, probability: float) -> PredictionMade:
    if not 0.0 <= probability <= 1.0:
        raise ValueError(
            f"{predictor.model} {predictor.model_digest[:12]} gave {probability} for "
            f"{event.symbol} as of {event.as_of_us}; a probability is between 0 and 1"
        )
    return PredictionMade(
        symbol=event.symbol,
        timeframe_s=event.timeframe_s,
        as_of_us=event.as_of_us,
        observed_at_us=event.observed_at_us,
        horizon_s=predictor.horizon_s,
        probability_up=probability,
        confidence=confidence(predictor.sureness, probability),
        close=event.close,
        spread=event.spread,
        volatility=event.volatility,
        model=predictor.model,
        model_digest=predictor.model_digest,
        feature_digest=predictor.feature_digest,
        environment_digest=predictor.environment_digest,
        backfilled=event.backfilled,
    )
