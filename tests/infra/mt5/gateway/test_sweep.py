"""Every deal is explained: by an order, by what an order had opened, or as external."""

from __future__ import annotations

import pytest

from events.accounts import AccountReported, ExternalDealFound
from events.orders import OrderRejected, PositionClosed, magic_of
from events.values import Side, lots, price
from infra.mt5 import constants as mt5
from infra.mt5.simulator.faults import FaultRule
from infra.store.offsets import Advance
from tests.infra.mt5.floor import Floor


def dealt_by_hand(floor: Floor) -> int:
    """The ticket of the very deal that an order of ours would make."""
    answer = floor.look().order_send(
        action=mt5.TRADE_ACTION_DEAL,
        symbol="EURUSD",
        type=mt5.ORDER_TYPE_BUY,
        volume=0.1,
        price=1.0,
        deviation=100_000,
        type_filling=mt5.ORDER_FILLING_FOK,
    )
    assert answer is not None
    return answer.deal


@pytest.fixture
def floor() -> Floor:
    return Floor()


def test_our_close_is_the_fill_of_its_order_alone(floor: Floor) -> None:
    floor.start()
    floor.accept("x/open")
    floor.rest()
    floor.close("x/close", "x/open")
    floor.rest()
    assert floor.story("x/open")[-1] == "OrderFilled"
    assert floor.story("x/close")[-1] == "OrderFilled"
    floor.check_books()


def test_a_stop_that_closes_is_told_on_the_order_that_opened(floor: Floor) -> None:
    floor.start()
    tick = floor.look().symbol_info_tick("EURUSD")
    assert tick is not None
    near = price(round(tick.bid - 0.0001, 5))
    floor.accept("x/open", stop_loss=near, take_profit=price(round(tick.ask + 0.0002, 5)))
    floor.rest()
    for _ in range(400):
        if floor.story("x/open")[-1] == "PositionClosed":
            break
        floor.virtual.advance(30_000)
        floor.turn()
    closed = floor.events("x/open")[-1]
    assert isinstance(closed, PositionClosed)
    assert closed.reason in ("stop_loss", "take_profit")
    assert closed.side is Side.SELL
    floor.check_books()


def test_a_person_s_deals_are_counted_and_never_adopted(floor: Floor) -> None:
    floor.start()
    floor.accept("x/open")
    floor.rest()
    request = {
        "action": mt5.TRADE_ACTION_DEAL,
        "symbol": "GBPUSD",
        "type": mt5.ORDER_TYPE_BUY,
        "volume": 0.5,
        "price": 1.0,
        "deviation": 100_000,
        "type_filling": mt5.ORDER_FILLING_FOK,
    }
    answer = floor.look().order_send(request)
    assert answer is not None
    assert answer.retcode == mt5.TRADE_RETCODE_DONE
    floor.run(2.0)
    found = [event for event in floor.events() if isinstance(event, ExternalDealFound)]
    assert [event.deal_ticket for event in found] == [answer.deal]
    floor.check_books()


def test_a_position_closed_by_a_person_ends_the_order_that_opened_it(floor: Floor) -> None:
    floor.start()
    floor.accept("x/open")
    floor.rest()
    (position,) = floor.look().positions_get() or ()
    floor.look().order_send(
        action=mt5.TRADE_ACTION_DEAL,
        symbol="EURUSD",
        type=mt5.ORDER_TYPE_SELL,
        volume=0.1,
        price=1.0,
        deviation=100_000,
        position=position.ticket,
        type_filling=mt5.ORDER_FILLING_FOK,
    )
    floor.run(2.0)
    assert floor.story("x/open")[-1] == "PositionClosed"
    floor.close("x/close", "x/open")
    floor.rest()
    refusal = floor.events("x/close")[-1]
    assert isinstance(refusal, OrderRejected)
    floor.check_books()


def test_a_deal_that_comes_after_the_verdict_is_still_booked(floor: Floor) -> None:
    """The venue executes thirty seconds after the answer was lost: nothing of it may be missed."""
    floor.spoil(FaultRule(kind="lose_before"))
    floor.start()
    floor.accept("x/open")
    floor.rest()
    assert floor.story("x/open")[-1] == "OrderNotExecuted"
    floor.look().order_send(floor.sent[0])
    floor.run(2.0)
    assert floor.story("x/open")[-2:] == ["OrderNotExecuted", "OrderFilled"]
    floor.check_books()


def test_figures_are_told_when_they_move_and_not_at_every_look(floor: Floor) -> None:
    floor.start()
    floor.run(20.0)
    reports = [event for event in floor.events() if isinstance(event, AccountReported)]
    assert len(reports) == 1
    floor.accept("x/open")
    floor.rest()
    reports = [event for event in floor.events() if isinstance(event, AccountReported)]
    assert reports[-1].open_lots == lots("0.10")


def test_what_a_stranger_dealt_beside_a_lost_order_is_not_the_next_one_s(floor: Floor) -> None:
    """The same trade by hand, while the gateway is not sure of its own on the symbol."""
    gateway = floor.start()
    floor.spoil(
        FaultRule(kind="lose_after"), FaultRule(kind="lose_before", magic=magic_of("y/open"))
    )
    floor.accept("x/open")
    gateway.handle([floor.tape[0]], (Advance("order-events", 0, 0, 1),))
    floor.accept("y/open")
    assert floor.story("x/open")[-1] == "OrderUnresolved"
    ticket = dealt_by_hand(floor)
    floor.rest()
    assert floor.story("x/open")[-1] == "OrderFilled"
    assert floor.story("y/open")[-1] == "OrderNotExecuted"
    found = [event for event in floor.events() if isinstance(event, ExternalDealFound)]
    assert [event.deal_ticket for event in found] == [ticket]
    floor.check_books()


@pytest.mark.parametrize("waits", [True, False])
def test_what_a_stranger_dealt_while_the_gateway_was_dead_is_not_an_order_s(
    floor: Floor, waits: bool
) -> None:
    floor.start()
    floor.accept("x/open")
    step = Advance("order-events", 0, 0, 1)
    if waits:
        floor.ledger.wait([floor.tape[0]], (step,))
    ticket = dealt_by_hand(floor)
    floor.spoil(FaultRule(kind="lose_before"))
    gateway = floor.start()
    if not waits:
        gateway.handle([floor.tape[0]], (step,))
    floor.rest()
    assert floor.story("x/open")[-1] == "OrderNotExecuted"
    found = [event for event in floor.events() if isinstance(event, ExternalDealFound)]
    assert [event.deal_ticket for event in found] == [ticket]
    floor.check_books()


def test_what_a_stranger_dealt_while_the_terminal_was_away_is_not_an_order_s(floor: Floor) -> None:
    floor.start()
    floor.spoil(FaultRule(kind="fail", function="terminal_info", times=10_000))
    floor.run(2.0)
    floor.accept("x/open")
    floor.turn()
    assert floor.story("x/open") == ["OrderAccepted"]
    ticket = dealt_by_hand(floor)
    floor.spoil(FaultRule(kind="lose_before"))
    floor.rest()
    assert floor.story("x/open")[-1] == "OrderNotExecuted"
    found = [event for event in floor.events() if isinstance(event, ExternalDealFound)]
    assert [event.deal_ticket for event in found] == [ticket]
