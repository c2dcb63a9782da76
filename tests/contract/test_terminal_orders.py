"""Every terminal treats pending orders alike: placed, changed, removed, opened, expired."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from infra.mt5 import constants as mt5
from infra.mt5.terminal import Terminal
from tests.infra.mt5.worlds import (
    HOUR_MS,
    MINUTE_MS,
    START_MS,
    WORLDS,
    World,
    pending,
    quote,
    send,
    settings,
)

DONE = mt5.TRADE_RETCODE_DONE


@pytest.fixture(params=WORLDS)
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    with WORLDS[request.param](settings()) as made:
        yield made


@pytest.fixture
def terminal(world: World) -> Terminal:
    return world.ready()


def test_a_pending_order_is_placed_changed_and_removed(terminal: Terminal) -> None:
    tick = quote(terminal)
    placed = send(terminal, pending(mt5.ORDER_TYPE_BUY_LIMIT, tick.ask - 0.01))
    assert (placed.retcode, placed.deal) == (mt5.TRADE_RETCODE_PLACED, 0)
    (order,) = terminal.orders_get(ticket=placed.order) or ()
    assert (order.state, order.volume_current) == (mt5.ORDER_STATE_PLACED, 0.1)
    change = {
        "action": mt5.TRADE_ACTION_MODIFY,
        "order": order.ticket,
        "price": round(tick.ask - 0.02, 5),
    }
    assert send(terminal, change).retcode == DONE
    assert send(terminal, change).retcode == mt5.TRADE_RETCODE_NO_CHANGES
    remove = {"action": mt5.TRADE_ACTION_REMOVE, "order": order.ticket}
    assert send(terminal, remove).retcode == DONE
    assert send(terminal, remove).retcode == mt5.TRADE_RETCODE_INVALID_ORDER
    (done,) = terminal.history_orders_get(ticket=order.ticket) or ()
    assert (done.state, done.price_open) == (mt5.ORDER_STATE_CANCELED, change["price"])
    assert (terminal.orders_get(), terminal.orders_total()) == ((), 0)


@pytest.mark.parametrize(
    ("kind", "away"),
    [
        (mt5.ORDER_TYPE_BUY_LIMIT, -0.0003),
        (mt5.ORDER_TYPE_SELL_LIMIT, 0.0003),
        (mt5.ORDER_TYPE_BUY_STOP, 0.0003),
        (mt5.ORDER_TYPE_SELL_STOP, -0.0003),
    ],
)
def test_a_pending_order_opens_when_its_price_comes(
    world: World, terminal: Terminal, kind: int, away: float
) -> None:
    price = round(quote(terminal).bid + away, 5)
    placed = send(terminal, pending(kind, price))
    for _ in range(400):
        world.clock.advance(5 * MINUTE_MS)
        if terminal.orders_total() == 0:
            break
    (position,) = terminal.positions_get() or ()
    assert (position.ticket, position.type, position.magic) == (placed.order, kind % 2, 78)
    better = (price - position.price_open) * (1 if kind % 2 == 0 else -1)
    waits_for_better = kind in (mt5.ORDER_TYPE_BUY_LIMIT, mt5.ORDER_TYPE_SELL_LIMIT)
    assert better >= -1e-9 if waits_for_better else better <= 1e-9


def test_a_stop_limit_order_becomes_a_limit_and_then_opens(
    world: World, terminal: Terminal
) -> None:
    ask = quote(terminal).ask
    limit = round(ask + 0.0001, 5)
    request = pending(mt5.ORDER_TYPE_BUY_STOP_LIMIT, ask + 0.0003, stoplimit=limit)
    placed = send(terminal, request)
    kinds = set()
    for _ in range(400):
        world.clock.advance(MINUTE_MS)
        kinds |= {order.type for order in terminal.orders_get() or ()}
        if terminal.orders_total() == 0:
            break
    (position,) = terminal.positions_get() or ()
    assert position.ticket == placed.order
    assert position.price_open <= limit
    assert mt5.ORDER_TYPE_BUY_LIMIT in kinds


def test_a_pending_order_dies_when_its_time_is_over(world: World, terminal: Terminal) -> None:
    ends_s = START_MS // 1000 + 90
    far = quote(terminal).ask - 0.05
    until = {"type_time": mt5.ORDER_TIME_SPECIFIED, "expiration": ends_s}
    timed = send(terminal, pending(mt5.ORDER_TYPE_BUY_LIMIT, far, **until))
    today = send(terminal, pending(mt5.ORDER_TYPE_BUY_LIMIT, far, type_time=mt5.ORDER_TIME_DAY))
    world.clock.advance(2 * MINUTE_MS)
    (done,) = terminal.history_orders_get(ticket=timed.order) or ()
    assert (done.state, done.time_done) == (mt5.ORDER_STATE_EXPIRED, ends_s)
    assert [order.ticket for order in terminal.orders_get() or ()] == [today.order]
    world.clock.advance(24 * HOUR_MS)
    assert terminal.orders_get() == ()
