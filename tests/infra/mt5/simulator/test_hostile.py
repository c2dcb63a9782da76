"""Requests that no honest program sends leave no trace in the book."""

from __future__ import annotations

from math import inf, nan

import pytest

from infra.mt5 import constants as mt5
from infra.mt5.simulator.specification import Depth
from tests.infra.mt5.simulator.hand import BUY, SELL, desk, euro, order, refused, sent, waiting
from tests.infra.mt5.worlds import START_MS

YEN = {"USDJPY": [(0, 150.0), (1_000, 150.0)]}
LIMIT = mt5.ORDER_TYPE_BUY_LIMIT
BY_MARKET = euro(execution=mt5.SYMBOL_TRADE_EXECUTION_MARKET)


def test_levels_are_never_judged_by_another_symbols_prices() -> None:
    """A stop above the market would close a buy at once, a limit above it would fill at once."""
    account = desk(YEN)
    position, pending = sent(account, order(BUY)), sent(account, waiting(LIMIT, 1.05))
    other = sent(account, order(SELL, volume=0.5))
    for action, fields in (
        (mt5.TRADE_ACTION_SLTP, {"position": position, "sl": 149.0}),
        (mt5.TRADE_ACTION_MODIFY, {"order": pending, "price": 149.0}),
        (mt5.TRADE_ACTION_MODIFY, {"order": pending, "position": position, "price": 149.0}),
        (mt5.TRADE_ACTION_REMOVE, {"order": pending}),
        (mt5.TRADE_ACTION_CLOSE_BY, {"position": position, "position_by": other}),
    ):
        request = order(BUY, action=action, symbol="USDJPY", **fields)
        assert refused(account, request) == mt5.TRADE_RETCODE_INVALID
    account.advance(START_MS + 2_000)
    assert list(account.ledger.positions) == [position, other]
    assert list(account.ledger.orders) == [pending]


@pytest.mark.parametrize("wrong", [nan, inf, -inf])
def test_what_is_no_number_is_no_price_even_where_the_price_does_not_count(wrong: float) -> None:
    account = desk({}, BY_MARKET)
    position = sent(account, order(BUY))
    for field in ("price", "stoplimit"):
        request = order(BUY, **{field: wrong})
        assert refused(account, request) == mt5.TRADE_RETCODE_INVALID_PRICE
    waits = waiting(LIMIT, 1.05, stoplimit=wrong)
    assert refused(account, waits) == mt5.TRADE_RETCODE_INVALID_PRICE
    for field in ("sl", "tp"):
        closing = order(SELL, position=position, **{field: wrong})
        assert refused(account, closing) == mt5.TRADE_RETCODE_INVALID_STOPS


def test_what_waits_to_close_a_position_is_not_closed_twice() -> None:
    """Else the last of the orders would turn a position around on a hedging account."""
    slow = {"EURUSD": [(at * 1_000, 1.1) for at in range(1, 60)]}
    depth = Depth(levels=1, lots=1.0)
    exchange = euro(execution=mt5.SYMBOL_TRADE_EXECUTION_EXCHANGE, depth=depth)
    account = desk(slow, exchange)
    rests = {"type_filling": mt5.ORDER_FILLING_RETURN}
    position = sent(account, order(BUY, volume=3.0, **rests))
    account.advance(START_MS + 20_000)
    held = account.ledger.positions[position]
    sent(account, order(SELL, position=position, volume=2.0, **rests))
    left = held.volume
    assert 1.0 < left < 3.0
    again = order(SELL, position=position, volume=left, **rests)
    assert refused(account, again) == mt5.TRADE_RETCODE_CLOSE_ORDER_EXIST
    sent(account, again._replace(volume=1.0))
    account.advance(START_MS + 59_000)
    assert not account.ledger.positions
    assert {deal.entry for deal in account.ledger.deals} <= {mt5.DEAL_ENTRY_IN, mt5.DEAL_ENTRY_OUT}
