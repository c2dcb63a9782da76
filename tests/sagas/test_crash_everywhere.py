"""Whatever the venue does, wherever a process dies, and in whatever order answers come."""

from __future__ import annotations

from itertools import count, product

import pytest
from hypothesis import given as generated
from hypothesis import settings
from hypothesis import strategies as st

from commands.orders import RequestOrder
from events.execution import ExecutionCompensated, ExecutionCompleted, ExecutionStuck
from events.orders import DealDisputed, OrderFilled
from tests.sagas.world import VENUES, Venue, World, commands_of, fills, rejects

DELIVERIES_MAX = 200


def settled(world: World, choices: list[int], deaths: set[int]) -> World:
    """The world once nothing moves any more."""
    for number in count():
        choice = choices[number % len(choices)]
        if not world.deliver(choice, number in deaths):
            return world
        assert number < DELIVERIES_MAX, "it never comes to rest"
    raise AssertionError("unreachable")


def check(world: World) -> None:
    """All or none, each order once, and nothing at the venue that is not told of."""
    log = world.log()
    ends = [e for e in log if isinstance(e, ExecutionCompleted | ExecutionCompensated)]
    requests = [e.order_id for e in log if isinstance(e, RequestOrder)]
    filled = {e.account for e in log if isinstance(e, OrderFilled) and e.order_id.endswith("open")}
    assert len(requests) == len(set(requests))
    assert not [e for e in log if isinstance(e, DealDisputed)]
    if isinstance(ends[-1], ExecutionCompleted):
        assert len(ends) == 1
        assert filled == set(world.opening)
    else:
        assert not any(world.held_lots.values())
        assert set(ends[-1].closed) == filled


@pytest.mark.parametrize(("one", "other"), list(product(VENUES, repeat=2)))
def test_every_pair_of_venues(one: Venue, other: Venue) -> None:
    check(settled(World({"a": one, "b": other}), [0], set()))


@pytest.mark.parametrize(
    ("one", "other"), [(fills, fills), (fills, rejects), (rejects, fills), (VENUES[6], VENUES[4])]
)
def test_dying_at_any_delivery_changes_no_command(one: Venue, other: Venue) -> None:
    alive = settled(World({"a": one, "b": other}), [0], set())
    for death in range(len(alive.log()) * 3):
        reborn = settled(World({"a": one, "b": other}), [0], {death})
        assert list(commands_of(reborn)) == list(commands_of(alive))
        check(reborn)


@settings(max_examples=60, deadline=None)
@generated(
    one=st.sampled_from(VENUES),
    other=st.sampled_from(VENUES),
    choices=st.lists(st.integers(0, 20), min_size=1, max_size=40),
    deaths=st.sets(st.integers(0, 60), max_size=6),
)
def test_any_order_and_any_deaths(
    one: Venue, other: Venue, choices: list[int], deaths: set[int]
) -> None:
    check(settled(World({"a": one, "b": other}), choices, deaths))


def test_when_no_close_succeeds_a_person_is_called_once() -> None:
    world = settled(World({"a": fills, "b": rejects}, closing=rejects), [0], set())
    (stuck,) = [event for event in world.log() if isinstance(event, ExecutionStuck)]
    assert stuck.exposed == ("a",)
    closes = [e for e in world.log() if isinstance(e, RequestOrder) and e.closes_position]
    assert len(closes) == 3
