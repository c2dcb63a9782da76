"""When an order may still be sent, or not yet."""

from __future__ import annotations

from typing import Any

from commands.order_life import ORDERS
from events.orders import OrderExpired, OrderIntended, magic_of
from tests.orders import SIGNAL_ID, T0_US, intent, request
from tests.spec import given

ORDER = f"{SIGNAL_ID}/a/open"
NAMES: dict[str, Any] = {
    "order_id": ORDER,
    "execution_id": SIGNAL_ID,
    "account": "a",
    "symbol": "EURUSD",
}


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
