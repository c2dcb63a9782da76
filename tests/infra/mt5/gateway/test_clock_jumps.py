"""A machine whose clock is set wrong, and then right: what was dealt is found all the same."""

from __future__ import annotations

import pytest

from infra.mt5.simulator.faults import FaultRule
from tests.infra.mt5.floor import Floor, FloorClock

FOUND = ["OrderAccepted", "OrderIntended", "OrderUnresolved", "OrderFilled"]
DAY_US = 24 * 60 * 60 * 1_000_000


class Jumping(FloorClock):
    """Its wall clock is off by as much as a test says; the venue's is right."""

    off_us = 0

    def now_us(self) -> int:
        return super().now_us() + self.off_us


@pytest.fixture
def clock(floor: Floor) -> Jumping:
    floor.clock = Jumping(floor.virtual)
    return floor.clock


@pytest.fixture
def floor() -> Floor:
    return Floor()


@pytest.mark.parametrize("days", [-40, -3, 3, 40])
@pytest.mark.parametrize("restarts", [False, True])
def test_a_close_whose_answer_was_lost_under_a_wrong_clock_is_found(
    floor: Floor, clock: Jumping, days: int, restarts: bool
) -> None:
    floor.start()
    floor.accept("x/open")
    floor.rest()
    clock.off_us = days * DAY_US
    floor.spoil(FaultRule(kind="lose_after", symbol="EURUSD"))
    floor.close("x/close", "x/open")
    floor.turn()
    clock.off_us = 0
    if restarts:
        floor.start()
    floor.rest()
    assert floor.sends_of("x/close") == 1
    assert floor.story("x/close") == FOUND
    floor.check_books()


@pytest.mark.parametrize("days", [-3, 3])
def test_an_order_that_was_intended_under_a_wrong_clock_does_not_stay_unresolved(
    floor: Floor, clock: Jumping, days: int
) -> None:
    floor.start()
    clock.off_us = days * DAY_US
    floor.spoil(FaultRule(kind="lose_after", symbol="EURUSD"))
    floor.accept("x/open")
    floor.turn()
    clock.off_us = 0
    floor.rest()
    assert floor.story("x/open") == FOUND
    floor.check_books()


@pytest.mark.parametrize("days", [-40, -3, 3, 40])
def test_an_order_whose_answer_was_lost_before_the_clock_went_wrong_is_found(
    floor: Floor, clock: Jumping, days: int
) -> None:
    floor.start()
    floor.spoil(FaultRule(kind="lose_after", symbol="EURUSD"))
    floor.accept("x/open")
    floor.turn()
    clock.off_us = days * DAY_US
    floor.rest()
    assert floor.story("x/open") == FOUND
    floor.check_books()


@pytest.mark.parametrize("days", [-3, 3])
def test_other_peoples_deals_are_counted_under_a_wrong_clock(
    floor: Floor, clock: Jumping, days: int
) -> None:
    floor.start()
    clock.off_us = days * DAY_US
    terminal = floor.look()
    tick = terminal.symbol_info_tick("GBPUSD")
    assert tick is not None
    deal = {"action": 1, "symbol": "GBPUSD", "volume": 0.1, "type": 0, "price": tick.ask}
    assert terminal.order_send({**deal, "deviation": 1000, "type_filling": 1}) is not None
    floor.run(5.0)
    assert "ExternalDealFound" in [type(event).__name__ for event in floor.events()]
