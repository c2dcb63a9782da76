"""Signals: when one is raised, and the reason given when none is."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.predictions import PredictionMade
from events.signals import Abstained, AbstainReason, SignalRaised
from events.values import Side
from processors.signals import SIGNALS, SignalPolicy, signals
from tests.processors.walks import SECOND_US, START_US, run

POLICY = SignalPolicy(
    confidence_min=0.8,
    spread_max_swings=2.0,
    validity_s=10,
    cool_down_s=60,
    stop_swings=2.0,
    take_swings=3.0,
    distance_spreads_min=3.0,
)
ACTING = signals(POLICY)


def prediction(at_s: float = 0.0, **over: Any) -> PredictionMade:
    """One that is acted on, unless told otherwise. Its swing is 0.0625."""
    as_of_us = START_US + round(at_s * SECOND_US)
    fields = {
        "symbol": "EURUSD",
        "timeframe_s": 10,
        "as_of_us": as_of_us,
        "observed_at_us": as_of_us + SECOND_US,
        "horizon_s": 40,
        "probability_up": 0.625,
        "confidence": 0.9,
        "close": 1.0,
        "spread": 0.015625,
        "volatility": 0.03125,
        "model": "fixed",
        "model_digest": "m" * 64,
        "feature_digest": "f" * 64,
        "environment_digest": "e" * 64,
    }
    return PredictionMade(**{**fields, **over})


def test_a_sure_prediction_raises_a_signal() -> None:
    assert run(ACTING, [prediction()]) == [
        SignalRaised(
            signal_id=f"EURUSD-10-{START_US}",
            symbol="EURUSD",
            side=Side.BUY,
            confidence=0.9,
            horizon_s=40,
            raised_at_us=START_US + SECOND_US,
            expires_at_us=START_US + 10 * SECOND_US,
            price_reference=1.0,
            stop_distance=0.125,
            take_distance=0.1875,
            model_digest="m" * 64,
        )
    ]


def test_it_sells_where_down_is_likelier() -> None:
    (signal,) = run(ACTING, [prediction(probability_up=0.375)])
    assert signal.side is Side.SELL


def test_stop_and_target_are_never_nearer_than_some_spreads() -> None:
    (signal,) = run(ACTING, [prediction(spread=0.0625 + 0.03125)])
    assert (signal.stop_distance, signal.take_distance) == (0.28125, 0.28125)


@pytest.mark.parametrize(
    ("over", "reason", "observed", "needed"),
    [
        ({"backfilled": True}, AbstainReason.BACKFILLED, 1.0, 0.0),
        ({"observed_at_us": START_US + 10 * SECOND_US}, AbstainReason.STALE, 10.0, 10.0),
        ({"confidence": 0.79}, AbstainReason.NOT_SURE, 0.79, 0.8),
        ({"spread": 0.125}, AbstainReason.SPREAD_TOO_WIDE, 0.125, 0.125),
        ({"volatility": 0.0, "spread": 0.0}, AbstainReason.SPREAD_TOO_WIDE, 0.0, 0.0),
    ],
)
def test_it_abstains_with_the_figures(
    over: dict[str, Any], reason: AbstainReason, observed: float, needed: float
) -> None:
    event = prediction(**over)
    assert run(ACTING, [event]) == [
        Abstained(
            symbol="EURUSD",
            timeframe_s=10,
            as_of_us=START_US,
            reason=reason,
            observed=observed,
            needed=needed,
            model_digest="m" * 64,
        )
    ]


def test_after_a_signal_a_symbol_cools_down() -> None:
    outcomes = run(ACTING, [prediction(0), prediction(59), prediction(60)])
    assert [type(outcome) for outcome in outcomes] == [SignalRaised, Abstained, SignalRaised]
    assert outcomes[1].reason is AbstainReason.COOLING_DOWN
    assert (outcomes[1].observed, outcomes[1].needed) == (59.0, 60.0)


def test_an_abstention_cools_nothing_down() -> None:
    outcomes = run(ACTING, [prediction(0, confidence=0.1), prediction(10)])
    assert [type(outcome) for outcome in outcomes] == [Abstained, SignalRaised]


def test_one_symbol_does_not_cool_another_down() -> None:
    outcomes = run(ACTING, [prediction(), prediction(symbol="XAUUSD")])
    assert [type(outcome) for outcome in outcomes] == [SignalRaised, SignalRaised]


PREDICTIONS = st.builds(
    prediction,
    st.integers(0, 100).map(lambda n: 10.0 * n),
    symbol=st.sampled_from(("EURUSD", "XAUUSD")),
    confidence=st.sampled_from((0.0, 0.8, 1.0)),
    probability_up=st.sampled_from((0.0, 0.4, 0.6, 1.0)),
    spread=st.sampled_from((0.0, 0.01, 1.0)),
    volatility=st.sampled_from((0.0, 0.01, 0.1)),
    backfilled=st.booleans(),
)


@given(st.lists(PREDICTIONS, max_size=30))
def test_every_prediction_has_one_outcome_and_signals_are_sound(
    events: list[PredictionMade],
) -> None:
    ordered = sorted(events, key=lambda each: each.as_of_us)
    outcomes = run(SIGNALS, ordered)
    assert len(outcomes) == len(ordered)
    last_us: dict[str, int] = {}
    for event, outcome in zip(ordered, outcomes, strict=True):
        if isinstance(outcome, SignalRaised):
            since_us = event.as_of_us - last_us.get(event.symbol, -(10**12))
            assert since_us >= SignalPolicy().cool_down_s * SECOND_US
            assert not event.backfilled
            assert outcome.raised_at_us < outcome.expires_at_us
            assert min(outcome.stop_distance, outcome.take_distance) > 0.0
            assert math.isfinite(outcome.take_distance)
            last_us[event.symbol] = event.as_of_us
