"""Predictions become signals, or a reason why not, with the figure seen and the figure needed.

Only news is acted on: history that was read later, and bars that were known to be over too late,
raise nothing. A signal says that the model is as sure as it seldom is, not that it will be right:
what such signals earned after costs is in the model's report.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from msgspec import Struct

from events.predictions import PredictionMade
from events.signals import Abstained, AbstainReason, SignalRaised
from events.values import Side
from processors.processor import Processor

SECOND_US = 1_000_000


@dataclass(frozen=True, slots=True)
class SignalPolicy:
    """When to act. A swing is one standard deviation of the mid's move over the horizon."""

    confidence_min: float = 0.8  # share of calibration rows on which the model was less sure
    spread_max_swings: float = 3.0  # widest spread that is accepted
    validity_s: int = 10  # from the close of the bar; later nobody may act on it
    cool_down_s: int = 180  # least event time between two signals of a symbol
    stop_swings: float = 2.0  # distance of the stop from the reference price
    take_swings: float = 2.0
    distance_spreads_min: float = 3.0  # stop and target are at least this far


class Cooling(Struct, frozen=True, array_like=True):
    """When a symbol last raised a signal (event time); far in the past if never."""

    raised_at_us: int = -(10**15)


Outcome = SignalRaised | Abstained


def signals(policy: SignalPolicy) -> Processor[Cooling, PredictionMade, Outcome]:
    """The processor that acts by this policy."""
    return Processor(
        name="signals",
        version=1,
        reads=PredictionMade,
        writes=(SignalRaised, Abstained),
        key=lambda prediction: prediction.symbol,
        state=Cooling,
        initial=Cooling(),
        step=lambda cooling, prediction: step(policy, cooling, prediction),
    )


SIGNALS = signals(SignalPolicy())


def step(
    policy: SignalPolicy, cooling: Cooling, p: PredictionMade
) -> tuple[Cooling, tuple[Outcome, ...]]:
    """One prediction: one signal or one reason."""
    reason = _reason_to_abstain(policy, cooling, p)
    if reason is not None:
        return cooling, (_abstained(p, *reason),)
    return Cooling(p.as_of_us), (_raised(policy, p),)


def swing(p: PredictionMade) -> float:
    """One standard deviation of the move over the horizon in price units (independent moves)."""
    return p.close * p.volatility * math.sqrt(p.horizon_s / p.timeframe_s)


def _reason_to_abstain(
    policy: SignalPolicy, cooling: Cooling, p: PredictionMade
) -> tuple[AbstainReason, float, float] | None:
    """The first reason that holds, with what was observed and what was needed."""
    if p.backfilled:
        return AbstainReason.BACKFILLED, 1.0, 0.0
    age_s = (p.observed_at_us - p.as_of_us) / SECOND_US
    if age_s >= policy.validity_s:
        return AbstainReason.STALE, age_s, float(policy.validity_s)
    if p.confidence < policy.confidence_min:
        return AbstainReason.NOT_SURE, p.confidence, policy.confidence_min
    spread_max = policy.spread_max_swings * swing(p)
    if p.spread >= spread_max:
        return AbstainReason.SPREAD_TOO_WIDE, p.spread, spread_max
    since_s = (p.as_of_us - cooling.raised_at_us) / SECOND_US
    if since_s < policy.cool_down_s:
        return AbstainReason.COOLING_DOWN, since_s, float(policy.cool_down_s)
    return None


def _abstained(
    p: PredictionMade, reason: AbstainReason, observed: float, needed: float
) -> Abstained:
    return Abstained(
        symbol=p.symbol,
        timeframe_s=p.timeframe_s,
        as_of_us=p.as_of_us,
        reason=reason,
        observed=observed,
        needed=needed,
        model_digest=p.model_digest,
    )


def _raised(policy: SignalPolicy, p: PredictionMade) -> SignalRaised:
    floor = policy.distance_spreads_min * p.spread
    return SignalRaised(
        signal_id=f"{p.symbol}-{p.timeframe_s}-{p.as_of_us}",
        symbol=p.symbol,
        side=Side.BUY if p.probability_up > 0.5 else Side.SELL,
        confidence=p.confidence,
        horizon_s=p.horizon_s,
        raised_at_us=p.observed_at_us,
        expires_at_us=p.as_of_us + policy.validity_s * SECOND_US,
        price_reference=p.close,
        stop_distance=max(floor, policy.stop_swings * swing(p)),
        take_distance=max(floor, policy.take_swings * swing(p)),
        model_digest=p.model_digest,
    )
