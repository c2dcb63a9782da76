"""Limits hold when orders come together: each was accepted without knowing of the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import asdict, replace

from events.envelope import first_cause
from events.limits import LimitsSet
from events.orders import OrderAccepted, OrderNotExecuted
from events.values import lots
from infra.mt5.gateway.exposure import Exposure
from infra.mt5.simulator.faults import FaultRule
from tests.infra.mt5.desk import ACCOUNT, WIDE, order
from tests.infra.mt5.floor import Floor
from tests.infra.mt5.memory_ledger import MemoryLedger

ONE_POSITION = replace(WIDE, open_positions_max=1)
A_LITTLE = replace(WIDE, open_lots_max=lots("0.15"))


@pytest.fixture
def floor() -> Floor:
    return Floor()


@pytest.mark.parametrize(
    ("limits", "figures"),
    [
        (ONE_POSITION, "open_positions_max 1: 1 are open"),
        (A_LITTLE, "open_lots_max 0.1500: 0.1000 are open, 0.1000 more asked for"),
    ],
)
def test_of_two_orders_accepted_together_the_second_finds_no_room(
    floor: Floor, limits: Any, figures: str
) -> None:
    floor.limit(limits)
    floor.start()
    floor.accept("x/open", "EURUSD")
    floor.accept("y/open", "GBPUSD")
    floor.rest()
    assert floor.story("x/open")[-1] == "OrderFilled"
    assert floor.story("y/open") == ["OrderAccepted", "OrderIntended", "OrderNotExecuted"]
    assert evidence(floor, "y/open") == f"never sent: {figures}"
    assert floor.sends_of("y/open") == 0


def test_room_is_used_to_the_last_lot_and_position(floor: Floor) -> None:
    floor.limit(replace(WIDE, open_positions_max=2, open_lots_max=lots("0.20")))
    floor.start()
    floor.accept("x/open", "EURUSD")
    floor.accept("y/open", "GBPUSD")
    floor.rest()
    assert [floor.story(f"{name}/open")[-1] for name in "xy"] == ["OrderFilled"] * 2


def test_a_close_goes_whatever_the_limits(floor: Floor) -> None:
    floor.start()
    floor.accept("x/open")
    floor.rest()
    floor.limit(replace(WIDE, open_positions_max=0, open_lots_max=lots("0")))
    floor.start(blind)
    floor.close("x/close", "x/open")
    floor.rest()
    assert floor.story("x/close")[-1] == "OrderFilled"


def test_positions_of_strangers_take_room_too(floor: Floor) -> None:
    floor.limit(ONE_POSITION)
    floor.start()
    floor.accept("x/open", "EURUSD")
    floor.rest()
    by_hand = {**floor.sent[0], "magic": 0, "comment": ""}
    floor.close("x/close", "x/open")
    floor.rest()
    assert floor.look().order_send(by_hand) is not None
    floor.accept("y/open", "GBPUSD")
    floor.rest()
    assert evidence(floor, "y/open") == "never sent: open_positions_max 1: 1 are open"


def test_positions_that_cannot_be_read_leave_no_room(floor: Floor) -> None:
    floor.start(blind)
    floor.accept("x/open")
    floor.rest()
    assert floor.sent == []
    assert "the open positions cannot be read" in evidence(floor, "x/open")


def test_an_order_that_may_be_at_the_venue_takes_room_until_it_is_settled(floor: Floor) -> None:
    floor.limit(ONE_POSITION)
    floor.start()
    floor.run(2.0)
    floor.spoil(FaultRule(kind="lose_before", symbol="EURUSD"))
    floor.accept("x/open", "EURUSD")
    floor.accept("y/open", "GBPUSD")
    floor.run(0.5)
    assert floor.story("x/open")[-1] == "OrderUnresolved"
    doubt = "never sent: open_positions_max 1: 0 are open, 1 more may be"
    assert evidence(floor, "y/open") == doubt
    floor.rest()
    floor.accept("z/open", "GBPUSD")
    floor.rest()
    assert floor.story("z/open")[-1] == "OrderFilled"


def test_an_unresolved_order_that_shows_counts_once(floor: Floor) -> None:
    floor.limit(replace(WIDE, open_positions_max=2, open_lots_max=lots("0.20")))
    floor.spoil(FaultRule(kind="lose_after", symbol="EURUSD"))
    floor.start()
    floor.accept("x/open", "EURUSD")
    floor.turn()
    floor.accept("y/open", "GBPUSD")
    floor.turn()
    assert floor.story("y/open")[-1] == "OrderFilled"


def test_a_position_that_does_not_show_yet_takes_room(floor: Floor) -> None:
    floor.limit(ONE_POSITION)
    floor.start(lambda port: Instead(port, "positions_get", lambda _: lambda **_: ()))
    floor.accept("x/open", "EURUSD")
    floor.turn()
    assert floor.story("x/open")[-1] == "OrderFilled"
    floor.accept("y/open", "GBPUSD")
    floor.rest()
    doubt = "never sent: open_positions_max 1: 0 are open, 1 more may be"
    assert evidence(floor, "y/open") == doubt


def test_limits_set_while_at_work_hold_from_then_on_and_never_go_back(floor: Floor) -> None:
    gateway = floor.start()
    for version, positions_max in ((3, 0), (2, 9)):
        told = LimitsSet(**{**asdict(WIDE), "open_positions_max": positions_max}, version=version)
        sequence = f"{version:016d}"
        message = first_cause(told, source="tape", sequence=sequence, key=ACCOUNT, time_us=1)
        gateway.handle([message], ())
    floor.accept("x/open")
    floor.rest()
    assert evidence(floor, "x/open") == "never sent: open_positions_max 0: 0 are open"


def test_limits_of_another_account_are_nothing_to_it(floor: Floor) -> None:
    gateway = floor.start()
    told = LimitsSet(**{**asdict(WIDE), "account": "2", "open_positions_max": 0}, version=9)
    gateway.handle(
        [first_cause(told, source="tape", sequence="1", key="2", time_us=1)],
        (),
    )
    floor.accept("x/open")
    floor.rest()
    assert floor.story("x/open")[-1] == "OrderFilled"


def test_limits_that_the_tape_is_yet_to_tell_of_are_read_before_their_first_order(
    floor: Floor,
) -> None:
    floor.start()
    floor.limit(replace(WIDE, open_positions_max=0))
    floor.accept("x/open", limits_version=2)
    floor.rest()
    assert evidence(floor, "x/open") == "never sent: open_positions_max 0: 0 are open"


def test_without_the_limits_of_an_order_there_is_no_room(floor: Floor) -> None:
    never_set = Exposure(floor.look(), MemoryLedger(ACCOUNT), floor.clock)
    assert "version 1" in objection(never_set, order())
    older = Exposure(floor.look(), floor.ledger, floor.clock)
    assert "version 2" in objection(older, order(limits_version=2))
    assert objection(older, order()) == ""


def test_a_further_attempt_asks_for_room_again(floor: Floor) -> None:
    """A position appears by hand between a requote and the next attempt."""
    floor.limit(ONE_POSITION)
    floor.spoil(FaultRule(kind="reject", retcode=10004))

    def meddled(port: Any) -> Any:
        return Instead(port, "order_send", lambda send: lambda request: meddle(send, request))

    def meddle(send: Callable[[Any], Any], request: Any) -> Any:
        answer = send(request)
        by_hand = {**request, "magic": 0, "comment": ""}
        assert floor.look().order_send(by_hand) is not None
        return answer

    floor.start(meddled)
    floor.accept("x/open")
    floor.rest()
    assert floor.story("x/open")[-1] == "OrderRejected"
    assert floor.sends_of("x/open") == 1


def objection(exposure: Exposure, accepted: OrderAccepted) -> str:
    return exposure.room(accepted.limits_version, ()).objection(accepted)


class Instead:
    """A port, but for one of its calls."""

    def __init__(self, port: Any, name: str, made_of: Callable[[Any], Any]) -> None:
        self._port = port
        self._name = name
        self._made_of = made_of

    def __getattr__(self, name: str) -> Any:
        answered = getattr(self._port, name)
        return self._made_of(answered) if name == self._name else answered


def blind(port: Any) -> Any:
    """A terminal that does not show its positions."""
    return port if isinstance(port, MemoryLedger) else Instead(port, "positions_get", unanswered)


def unanswered(_: Any) -> Any:
    return lambda **_: None


def evidence(floor: Floor, order_id: str) -> str:
    """Why an order was not executed."""
    verdict = floor.events(order_id)[-1]
    assert isinstance(verdict, OrderNotExecuted), verdict
    return verdict.evidence
