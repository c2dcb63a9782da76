"""Inference: which features are predicted on, what a prediction names, what is refused."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from events.predictions import FeaturesComputed, PredictionMade
from processors.inference import confidence, inference, predictions
from tests.processors.walks import run

SURENESS = tuple(n / 200 for n in range(100))


@dataclass(frozen=True)
class Fixed:
    """A model that foretells the first feature."""

    model: str = "fixed"
    model_digest: str = "m" * 64
    feature_digest: str = "f" * 64
    environment_digest: str = "e" * 64
    timeframe_s: int = 10
    horizon_s: int = 60
    sureness: tuple[float, ...] = SURENESS

    def probabilities_up(self, rows: Sequence[tuple[float, ...]]) -> list[float]:
        return [row[0] for row in rows]


def features(probability: float, number: int = 0) -> FeaturesComputed:
    return FeaturesComputed(
        symbol="EURUSD",
        timeframe_s=10,
        as_of_us=10_000_000 * number,
        observed_at_us=10_000_000 * number + 300_000,
        bars_seen=61 + number,
        close=1.25,
        spread=0.0002,
        volatility=0.0001,
        feature_digest="f" * 64,
        values=(probability, 1.0),
    )


def test_a_prediction_names_all_that_made_it() -> None:
    event = replace(features(0.75, number=2), backfilled=True)
    assert run(inference(Fixed()), [event]) == [
        PredictionMade(
            symbol="EURUSD",
            timeframe_s=10,
            as_of_us=20_000_000,
            observed_at_us=20_300_000,
            horizon_s=60,
            probability_up=0.75,
            confidence=0.5,
            close=1.25,
            spread=0.0002,
            volatility=0.0001,
            model="fixed",
            model_digest="m" * 64,
            feature_digest="f" * 64,
            environment_digest="e" * 64,
            backfilled=True,
        )
    ]


def test_features_of_another_meaning_or_timeframe_are_not_predicted_on() -> None:
    others = [
        replace(features(0.7), feature_digest="x" * 64),
        replace(features(0.7), timeframe_s=60),
    ]
    assert run(inference(Fixed()), others) == []


@pytest.mark.parametrize("probability", [math.nan, -0.01, 1.01])
def test_what_is_no_probability_is_refused_by_name(probability: float) -> None:
    class Broken(Fixed):
        def probabilities_up(self, rows: Sequence[tuple[float, ...]]) -> list[float]:
            return [probability for _ in rows]

    with pytest.raises(ValueError, match=r"fixed mmmmmmmmmmmm gave .* for EURUSD as of 0"):
        run(inference(Broken()), [features(0.5)])


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_features_that_are_not_finite_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match="features of EURUSD as of 0 are not finite"):
        run(inference(Fixed()), [replace(features(0.5), values=(0.5, value))])


@given(st.lists(st.tuples(st.floats(0.0, 1.0), st.sampled_from([10, 60])), max_size=8))
def test_many_at_once_are_what_each_is_alone(rows: list[tuple[float, int]]) -> None:
    events = [
        replace(features(chance, number), timeframe_s=timeframe_s)
        for number, (chance, timeframe_s) in enumerate(rows)
    ]
    alone = [tuple(run(inference(Fixed()), [event])) for event in events]
    assert predictions(Fixed(), events) == alone


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_confidence_grows_with_the_distance_from_one_half(one: float, other: float) -> None:
    near, far = sorted((one, other), key=lambda p: abs(p - 0.5))
    assert 0.0 <= confidence(SURENESS, near) <= confidence(SURENESS, far) <= 1.0


def test_confidence_is_the_share_of_rows_that_were_less_sure() -> None:
    assert confidence((0.0, 0.1, 0.2, 0.3), 0.5) == 0.0
    assert confidence((0.0, 0.1, 0.2, 0.3), 0.25) == 0.75
    assert confidence((0.0, 0.1, 0.2, 0.3), 1.0) == 1.0


def test_a_model_that_is_never_surer_than_another_time_is_never_confident() -> None:
    assert confidence((0.25,) * 100, 0.75) == 0.0
