"""How many terminals run, on virtual time."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from infra.mt5.agent.scaling import Bounds, Load, Rules, Scale, scaled

RULES = Rules(sends_per_s_each=10.0, waited_ms_max=100.0, up_after_s=5.0, down_after_s=60.0)
ONE_TO_THREE = Bounds(1, 3)
CALM = Load(0.0, 0.0)
LOADS = st.builds(Load, st.floats(0, 100), st.floats(0, 1000))


def played(loads: list[Load], bounds: Bounds = ONE_TO_THREE) -> list[Scale]:
    """The scale second by second."""
    scales = [Scale(bounds.least)]
    for second, load in enumerate(loads):
        scales.append(scaled(scales[-1], load, float(second), bounds, RULES))
    return scales


def running(loads: list[Load]) -> list[int]:
    return [scale.running for scale in played(loads)]


def test_a_load_that_lasts_brings_one_more_and_calm_takes_it_away_much_later() -> None:
    counts = running([Load(15.0, 0.0)] * 20 + [CALM] * 70)
    assert counts[:6] == [1] * 6
    assert counts[7:21] == [2] * 14
    assert counts[21:81] == [2] * 60
    assert counts[-1] == 1


def test_a_spike_that_passes_changes_nothing() -> None:
    assert set(running(([Load(99.0, 900.0)] * 4 + [CALM]) * 20)) == {1}


def test_orders_that_wait_bring_more_although_they_are_few() -> None:
    assert running([Load(1.0, 500.0)] * 30)[-1] == 3


def test_what_two_carry_is_not_given_back_to_one_that_it_would_fill() -> None:
    assert running([Load(15.0, 0.0)] * 10 + [Load(8.0, 0.0)] * 300)[-1] == 2


@given(st.lists(LOADS, max_size=200), st.integers(1, 3), st.integers(0, 3))
def test_it_stays_between_its_bounds_and_moves_by_one(
    loads: list[Load], least: int, more: int
) -> None:
    counts = [scale.running for scale in played(loads, Bounds(least, least + more))]
    assert all(least <= count <= least + more for count in counts)
    assert all(abs(after - before) <= 1 for before, after in pairwise(counts))


@given(LOADS)
def test_a_steady_load_never_makes_it_turn_back(load: Load) -> None:
    counts = running([load] * 400)
    assert counts == sorted(counts)
    assert len(set(counts[-200:])) == 1


@given(st.lists(LOADS, max_size=300))
def test_less_comes_only_long_after_more(loads: list[Load]) -> None:
    counts = running(loads)
    ups = [i for i, (a, b) in enumerate(pairwise(counts)) if b > a]
    downs = [i for i, (a, b) in enumerate(pairwise(counts)) if b < a]
    assert all(down - up >= RULES.down_after_s for up in ups for down in downs if down > up)


def test_new_bounds_are_kept_at_once() -> None:
    assert scaled(Scale(3), CALM, 0.0, Bounds(1, 2), RULES).running == 2
    assert scaled(Scale(1), CALM, 0.0, Bounds(2, 3), RULES).running == 2
