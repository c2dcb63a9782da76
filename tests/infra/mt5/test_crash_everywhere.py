"""Kill the gateway at every call it makes to the outside, before and after, and look at the books.

Nothing is sampled: the calls of a scenario are counted, and each is a place to die at; those that
have an effect are a second one, after the effect and before the answer.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest

from events.orders import OrderFilled, PositionClosed
from events.values import lots
from infra.mt5.reconcile import TRADES
from infra.mt5.simulator.faults import FaultRule
from tests.infra.mt5.floor import Floor, Killed

pytestmark = pytest.mark.thorough

ENDS = {"OrderFilled", "OrderRejected", "OrderNotExecuted", "OrderExpired", "PositionClosed"}
QUERIES = {
    "last_error",
    "known",
    "limits",
    "unsettled",
    "explained_since",
    "by_magic",
    "by_position",
}
"""Calls that leave nothing behind: dying after one of them is dying before the next."""
READS = ("_get", "_info", "_info_tick")
PAIRS = 120


@dataclass
class Doom:
    """Counts calls to the ports, and kills at some of them: `(number, after it took effect)`."""

    deaths: set[tuple[int, bool]] = field(default_factory=set)
    calls: list[str] = field(default_factory=list)

    def over(self, port: Any) -> Any:
        return _Doomed(port, self)


class _Doomed:
    def __init__(self, port: Any, doom: Doom) -> None:
        self._port = port
        self._doom = doom

    def __getattr__(self, name: str) -> Any:
        function = getattr(self._port, name)
        doom = self._doom
        if not callable(function) or name in QUERIES:
            return function

        def called(*args: Any, **kwargs: Any) -> Any:
            doom.calls.append(name)
            number = len(doom.calls)
            if (number, False) in doom.deaths:
                raise Killed
            answer = function(*args, **kwargs)
            if (number, True) in doom.deaths:
                raise Killed
            return answer

        return called


def scenario(deaths: Iterable[tuple[int, bool]] = ()) -> tuple[Floor, Doom]:
    """An order filled and closed, one refused, one requoted, one executed and one lost with the
    answer, one too late, two at once; restarted after every death."""
    floor, doom = Floor(), Doom(set(deaths))
    floor.spoil(
        FaultRule(kind="reject", retcode=10006, symbol="GBPUSD"),
        FaultRule(kind="reject", retcode=10004, symbol="AUDUSD"),
        FaultRule(kind="lose_after", symbol="GBPUSD"),
        FaultRule(kind="lose_before", symbol="AUDUSD", skip=1),
    )
    floor.accept("a/open", "EURUSD")
    floor.accept("b/open", "GBPUSD")
    floor.accept("c/open", "AUDUSD")
    _play(floor, doom)
    floor.close("a/close", "a/open") if _filled(floor, "a/open") else None
    floor.accept("d/open", "GBPUSD")
    floor.accept("e/open", "AUDUSD")
    floor.accept("f/open", "EURUSD", expires_at_us=floor.clock.now_us() - 1)
    floor.accept("g/open", "GBPUSD")
    _play(floor, doom)
    return floor, doom


def _play(floor: Floor, doom: Doom) -> None:
    """Until all is at rest; a gateway that dies is started again, as its supervisor would."""
    for _ in range(20):
        try:
            if floor.gateway is None:
                floor.start(doom.over)
            floor.rest()
        except Killed:
            floor.gateway = None
            floor.virtual.advance(500)
        else:
            return
    raise AssertionError("the gateway died more often than it was killed")


def _filled(floor: Floor, order_id: str) -> bool:
    return "OrderFilled" in floor.story(order_id)


def check(floor: Floor) -> None:
    """What must hold whatever was killed."""
    ordered = {m.event.order_id: m.event for m in floor.tape}
    events = floor.events()
    fills = [event for event in events if isinstance(event, OrderFilled)]
    closes = [event for event in events if isinstance(event, PositionClosed)]
    for order_id, order in ordered.items():
        mine = [fill for fill in fills if fill.order_id == order_id]
        assert sum((f.volume_lots for f in mine), lots("0")) <= order.volume_lots
        assert len({fill.position_id for fill in mine}) <= 1
        assert floor.story(order_id)[-1] in ENDS, floor.story(order_id)
        assert floor.sends_of(order_id) <= floor.story(order_id).count("OrderIntended")
    explained = [fill.deal_ticket for fill in fills] + [close.deal_ticket for close in closes]
    dealt = [deal.ticket for deal in floor.deals() if deal.type in TRADES]
    assert sorted(explained) == sorted(dealt)
    assert floor.ledger.unsettled() == ()
    floor.check_books()


def test_without_a_death_everything_comes_to_its_own_end() -> None:
    floor, doom = scenario()
    check(floor)
    stories = {m.event.order_id: floor.story(m.event.order_id)[1:] for m in floor.tape}
    assert stories == {
        "a/open": ["OrderIntended", "OrderFilled"],
        "b/open": ["OrderIntended", "OrderRejected"],
        "c/open": ["OrderIntended", "OrderIntended", "OrderFilled"],
        "a/close": ["OrderIntended", "OrderFilled"],
        "d/open": ["OrderIntended", "OrderUnresolved", "OrderFilled"],
        "e/open": ["OrderIntended", "OrderUnresolved", "OrderNotExecuted"],
        "f/open": ["OrderExpired"],
        "g/open": ["OrderIntended", "OrderFilled"],
    }
    assert len(doom.calls) > 40


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_death_at_any_call_loses_nothing_and_doubles_nothing(after: bool) -> None:
    for number, name in enumerate(scenario()[1].calls, 1):
        if after and name.endswith(READS):
            continue
        floor, _ = scenario([(number, after)])
        try:
            check(floor)
        except AssertionError as broken:
            raise AssertionError(f"killed at call {number}, {name}: {broken}") from broken


def test_two_deaths_lose_nothing_and_double_nothing() -> None:
    calls = len(scenario()[1].calls)
    draw = random.Random(3)
    for _ in range(PAIRS):
        deaths = {(draw.randint(1, calls), draw.random() < 0.5) for _ in range(2)}
        floor, _ = scenario(deaths)
        try:
            check(floor)
        except AssertionError as broken:
            raise AssertionError(f"killed at {sorted(deaths)}: {broken}") from broken
