"""The breaker as a function: when it opens, what passes, how long it waits."""

from __future__ import annotations

import random
from collections.abc import Iterable
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from commands.accounts import BreakerPosition
from infra.mt5.backoff import SPREAD, Backoff
from infra.mt5.breaker import Breaker, Limits, resumed

CLOSED, OPEN, HALF_OPEN = BreakerPosition
TURNS = {(CLOSED, OPEN), (OPEN, HALF_OPEN), (HALF_OPEN, OPEN), (HALF_OPEN, CLOSED)}
STEP_S = 0.5


def luck() -> random.Random:
    return random.Random(1)


def after(*heard: str, limits: Limits | None = None) -> Breaker:
    """The breaker that has heard this, one thing every `STEP_S`."""
    return list(states(heard, limits))[-1]


def states(heard: Iterable[str], limits: Limits | None = None) -> Iterable[Breaker]:
    """The breaker as it is after each thing heard."""
    breaker, chance, now_s, failures = Breaker(limits or Limits()), luck(), 0.0, 0
    yield breaker
    for what in heard:
        now_s += STEP_S
        failures = failures + 1 if what == "unlinked" else 0
        match what:
            case "proven":
                breaker = breaker.proven()
            case "unknown":
                breaker = breaker.unknown("10012", now_s, chance)
            case "unlinked":
                breaker = breaker.unlinked(failures, "-10003", now_s, chance)
            case "due":
                breaker = breaker.due(now_s)
            case _:
                breaker = breaker.probed(what == "answered", now_s, chance)
        yield breaker


def test_it_opens_on_unknowns_in_a_row_and_not_before() -> None:
    assert after(*["unknown"] * 2).position is CLOSED
    assert after("unknown", "unknown", "proven", "unknown", "unknown").position is CLOSED
    opened = after(*["unknown"] * 3)
    assert opened.position is OPEN
    assert opened.reason == "3 sends in a row are unknown: 10012"


def test_it_opens_on_link_failures_in_a_row_and_not_before() -> None:
    assert after(*["unlinked"] * 4).position is CLOSED
    assert after(*["unlinked"] * 4, "proven", *["unlinked"] * 4).position is CLOSED
    assert after(*["unlinked"] * 5).position is OPEN


def test_it_asks_once_its_wait_is_over_and_closes_on_an_answer() -> None:
    opened = after(*["unknown"] * 3)
    assert opened.due(opened.probe_at_s - 0.001).position is OPEN
    asking = opened.due(opened.probe_at_s)
    assert asking.position is HALF_OPEN
    assert asking.probed(True, asking.probe_at_s, luck()) == Breaker()


def test_each_probe_that_fails_makes_it_wait_longer_up_to_the_last() -> None:
    breaker, now_s, waits = after(*["unknown"] * 3), 0.0, []
    for _ in range(8):
        now_s = breaker.probe_at_s
        breaker = breaker.due(now_s).probed(False, now_s, luck())
        waits.append(breaker.probe_at_s - now_s)
    backoff = Limits().backoff
    assert all(now_s >= before_s - 1e-9 for before_s, now_s in pairwise(waits))
    assert backoff.first_s < waits[0] < waits[-1] <= backoff.last_s * (1 + SPREAD)
    assert waits[-1] >= backoff.last_s * (1 - SPREAD)


def test_a_session_that_finds_it_open_asks_at_once() -> None:
    assert resumed(CLOSED, 7.0) == Breaker()
    for position in (OPEN, HALF_OPEN):
        left = resumed(position, 7.0)
        assert not left.passes(reduces_risk=False)
        assert left.due(7.0).position is HALF_OPEN


@given(
    st.lists(st.sampled_from(("proven", "unknown", "unlinked", "due", "answered", "silent"))),
    st.builds(Limits, unknowns_max=st.integers(1, 4), link_failures_max=st.integers(1, 4)),
)
def test_whatever_is_heard_it_turns_as_it_may_and_closing_orders_pass(
    heard: list[str], limits: Limits
) -> None:
    seen = list(states(heard, limits))
    for before, now in pairwise(seen):
        assert before.position is now.position or (before.position, now.position) in TURNS
    assert all(each.passes(reduces_risk=True) for each in seen)
    assert all(each.passes(False) is (each.position is CLOSED) for each in seen)


@given(st.integers(1, 10_000), st.integers(), st.floats(0.01, 10), st.floats(10, 100))
def test_waits_are_between_the_first_and_the_last_and_spread(
    failures: int, seed: int, first_s: float, last_s: float
) -> None:
    wait_s = Backoff(first_s, last_s).wait_s(failures, random.Random(seed))
    assert first_s * (1 - SPREAD) <= wait_s <= last_s * (1 + SPREAD)


def test_nothing_failed_is_nothing_to_wait_for() -> None:
    assert Backoff().wait_s(0, luck()) == 0.0
    spread = {Backoff().wait_s(3, random.Random(seed)) for seed in range(20)}
    assert len(spread) == 20
