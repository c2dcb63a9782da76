"""Rows to learn from: a made-up market in which the first feature says a little of what comes."""

from __future__ import annotations

import numpy

from events.predictions import FeaturesComputed
from processors.features import FEATURE_DIGEST, FEATURES
from processors.training.dataset import SECOND_US, Dataset, dataset_of
from tests.processors.walks import START_US

BARS = 1_500


def foretelling(
    bars: int = BARS, symbols: tuple[str, ...] = ("EURUSD", "XAUUSD"), *, leak: bool = False
) -> list[FeaturesComputed]:
    """Features of a walk whose next steps lean the way of the first feature.

    With `leak` the second feature is the next minute's move itself, as a bug would make it.
    """
    events = []
    for place, symbol in enumerate(symbols):
        luck = numpy.random.default_rng(place)
        hint = luck.standard_normal(bars + 6)
        steps = 1.5 * hint + luck.standard_normal(bars + 6)
        close = 1.0 + numpy.cumsum(steps) * 1e-5
        noise = luck.standard_normal((bars, len(FEATURES)))
        noise[:, 0] = hint[1 : bars + 1]
        if leak:
            noise[:, 1] = close[6 : bars + 6] - close[:bars]
        for number in range(bars):
            as_of_us = START_US + number * 10 * SECOND_US
            events.append(
                FeaturesComputed(
                    symbol=symbol,
                    timeframe_s=10,
                    as_of_us=as_of_us,
                    observed_at_us=as_of_us,
                    bars_seen=61 + number,
                    close=float(close[number]),
                    spread=2e-5,
                    volatility=1e-5,
                    feature_digest=FEATURE_DIGEST,
                    values=tuple(noise[number].tolist()),
                )
            )
    return events


def _part(rows: Dataset, place: int) -> Dataset:
    half = numpy.arange(len(rows)) * 2 // len(rows)
    return rows.taken(half == place)


def _labelled() -> Dataset:
    return dataset_of(foretelling(), 10, 60)


WHOLE = _labelled()
FIRST, SECOND = _part(WHOLE, 0), _part(WHOLE, 1)
