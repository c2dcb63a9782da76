"""When an order may still be sent, or not yet."""

from __future__ import annotations

from typing import Any

from commands.order_life import ORDERS
from commands.orders import ExpireOrder
from events.orders import OrderAccepted, OrderExpired, OrderIntended, magic_of
from tests.orders import SIGNAL_ID, T0_US, intent, request
from tests.spec import given

ORDER = f"{SIGNAL_ID}/a/open"
NAMES: dict[str, Any] = {
    "order_id": ORDER,
    "execution_id": SIGNAL_ID,
    "account": "a",
    "symbol": "EURUSD",
}


def _accepted() -> OrderAccepted:
    (accepted,) = ORDERS.decide(request(), ORDERS.initial)
    assert isinstance(accepted, OrderAccepted)
    return accepted


def test_an_order_of_a_signal_from_the_future_ends_and_is_not_sent() -> None:
    in_a_year_us = T0_US + 365 * 86_400_000_000
    wish = request(
        requested_at_us=in_a_year_us, signal_at_us=in_a_year_us, expires_at_us=in_a_year_us + 1
    )
    given(ORDERS, *ORDERS.decide(wish, ORDERS.initial)).when(intent(ORDER)).then(
        OrderExpired(**NAMES, expired_at_us=T0_US)
    )


def test_an_order_that_closes_may_wait_for_ever() -> None:
    wish = request(closes_position=7, expires_at_us=T0_US + 365 * 86_400_000_000)
    given(ORDERS, *ORDERS.decide(wish, ORDERS.initial)).when(intent(ORDER)).then(
        OrderIntended(**NAMES, magic=magic_of(ORDER), attempt=1)
    )


def test_an_order_that_nobody_takes_up_ends_once_its_time_is_over() -> None:
    accepted = _accepted()
    over_us = accepted.expires_at_us + 1
    early, late = (ExpireOrder(order_id=ORDER, expired_at_us=us) for us in (over_us - 1, over_us))
    given(ORDERS, accepted).when(early).then()
    given(ORDERS, accepted).when(early, late, late, intent(ORDER)).then(
        OrderExpired(**NAMES, expired_at_us=over_us)
    )


def test_an_order_that_may_have_been_sent_never_expires() -> None:
    accepted = _accepted()
    sent = OrderIntended(**NAMES, magic=magic_of(ORDER), attempt=1)
    late = ExpireOrder(order_id=ORDER, expired_at_us=accepted.expires_at_us + 1)
    given(ORDERS, accepted, sent).when(late).then()
