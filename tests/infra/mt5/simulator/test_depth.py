"""Execution: what the book holds, slippage, and the four ways to deal."""

from __future__ import annotations

from typing import Any

import pytest

from infra.mt5 import constants as mt5
from infra.mt5.simulator.account import Account
from infra.mt5.simulator.book import Level, levels
from infra.mt5.simulator.ledger import Order
from infra.mt5.simulator.settings import MarketSettings
from infra.mt5.simulator.specification import Depth
from infra.mt5.simulator.ticks import Market
from tests.infra.mt5.simulator.causes import change, remove
from tests.infra.mt5.simulator.hand import (
    BUY,
    SELL,
    Tape,
    dealt,
    desk,
    euro,
    order,
    refused,
    sent,
    waiting,
)
from tests.infra.mt5.worlds import START_MS

MARKET, EXCHANGE = mt5.SYMBOL_TRADE_EXECUTION_MARKET, mt5.SYMBOL_TRADE_EXECUTION_EXCHANGE
FOK, IOC, RETURN = 0, 1, 2
BOOK = Depth(levels=3, lots=2.0)
RICH: dict[str, Any] = {"deposit": 1e7, "commission_per_lot": 0.0}
LATER: Tape = {"EURUSD": [(10, 1.1), (20, 1.1), (30, 1.1), (40, 1.1)]}


def thin(tape: Tape | None = None, execution: int = MARKET, **terms: Any) -> Account:
    """An account that deals through a book of some six lots on each side."""
    return desk(tape or LATER, euro(depth=BOOK, execution=execution), **{**RICH, **terms})


def there(account: Account, side: int = BUY, limit: float = 9.9) -> float:
    """The lots of the book now, up to a limit of a buy."""
    symbol = account.market.symbols["EURUSD"]
    quote = account.market.quote("EURUSD", account.ledger.now_ms)
    assert quote is not None
    book = levels(account.market, symbol, side, quote)
    return round(sum(level.lots for level in book if level.price <= limit), 8)


def the_order(account: Account) -> Order:
    (active,) = account.ledger.orders.values()
    return active


def test_the_book_is_the_same_for_the_same_seed_and_another_for_each_quote() -> None:
    symbol = euro(depth=BOOK)[0]
    one, two = (Market(MarketSettings(symbols=euro(depth=BOOK))) for _ in range(2))
    quote, later = (one.quote("EURUSD", START_MS + at) for at in (0, 5_000))
    assert quote is not None
    assert later is not None
    book = levels(one, symbol, BUY, quote)
    assert book == levels(two, symbol, BUY, quote)
    assert book != levels(one, symbol, BUY, later)
    assert [level.price for level in book] == [
        symbol.rounded(quote.ask + nth * symbol.point) for nth in range(3)
    ]
    assert levels(one, symbol, SELL, quote)[1].price == symbol.rounded(quote.bid - symbol.point)
    assert all(1.0 <= level.lots <= 3.0 for level in book)


def test_a_large_order_pays_the_mean_of_the_levels_it_takes() -> None:
    account = thin()
    symbol = account.market.symbols["EURUSD"]
    quote = account.market.quote("EURUSD", START_MS)
    assert quote is not None
    first, second, third = levels(account.market, symbol, BUY, quote)
    lots = round(first.lots + second.lots + third.lots, 8)
    outcome = account.send(order(BUY, volume=lots))
    paid = sum(level.lots * level.price for level in (first, second, third)) / lots
    assert outcome.retcode == mt5.TRADE_RETCODE_DONE
    assert outcome.fill.price == symbol.rounded(paid) > quote.ask


def test_immediate_or_cancel_deals_what_is_there() -> None:
    account = thin()
    depth = there(account)
    outcome = account.send(order(BUY, volume=20.0, type_filling=IOC))
    assert (outcome.retcode, outcome.fill.volume) == (mt5.TRADE_RETCODE_DONE_PARTIAL, depth)
    done = account.ledger.done_order(outcome.fill.order)
    assert done is not None
    assert (done.state, done.volume_initial) == (mt5.ORDER_STATE_PARTIAL, 20.0)
    assert done.volume_current == round(20.0 - depth, 8)
    (position,) = account.ledger.positions.values()
    assert position.volume == depth


def test_fill_or_kill_does_nothing_where_the_book_is_too_thin() -> None:
    assert refused(thin(), order(BUY, volume=20.0)) == mt5.TRADE_RETCODE_REJECT


def test_what_was_taken_is_not_there_again_before_the_next_quote() -> None:
    account = thin()
    depth = there(account)
    sent(account, order(BUY, volume=depth))
    empty = order(BUY, volume=0.1, type_filling=IOC)
    assert refused(account, empty) == mt5.TRADE_RETCODE_PRICE_OFF
    sent(account, order(SELL, volume=0.1))
    account.advance(START_MS + 10)
    sent(account, empty)


def test_on_an_exchange_the_rest_of_a_market_order_waits_for_more() -> None:
    account = thin(execution=EXCHANGE, margin_mode=mt5.ACCOUNT_MARGIN_MODE_EXCHANGE)
    outcome = account.send(order(BUY, volume=14.0, type_filling=RETURN))
    assert outcome.retcode == mt5.TRADE_RETCODE_DONE_PARTIAL
    assert the_order(account).state == mt5.ORDER_STATE_PARTIAL
    left = the_order(account).left
    account.advance(START_MS + 10)
    assert 0.0 < the_order(account).left == round(left - there(account), 8)
    account.advance(START_MS + 40)
    assert account.ledger.orders == {}
    (position,) = account.ledger.positions.values()
    assert (position.volume, len({d.order for d in dealt(account)})) == (14.0, 1)
    assert round(sum(d.volume for d in dealt(account)), 8) == 14.0
    assert account.ledger.done[-1].state == mt5.ORDER_STATE_FILLED


def test_on_an_exchange_an_order_waits_where_the_book_is_empty() -> None:
    account = thin(execution=EXCHANGE)
    sent(account, order(BUY, volume=there(account)))
    outcome = account.send(order(BUY, volume=1.0, type_filling=RETURN))
    assert (outcome.retcode, outcome.fill.deal) == (mt5.TRADE_RETCODE_PLACED, 0)
    assert the_order(account).state == mt5.ORDER_STATE_PLACED
    account.advance(START_MS + 10)
    assert account.ledger.orders == {}
    assert dealt(account)[-1].order == outcome.fill.order


def test_what_waits_of_a_market_order_is_taken_out_but_not_changed() -> None:
    account = thin(execution=EXCHANGE)
    ticket = sent(account, order(BUY, volume=14.0, type_filling=RETURN))
    assert refused(account, change(ticket, 1.05)) == mt5.TRADE_RETCODE_INVALID_ORDER
    account.send(remove(ticket))
    done = account.ledger.done_order(ticket)
    assert done is not None
    assert (done.state, account.ledger.orders) == (mt5.ORDER_STATE_CANCELED, {})


def test_the_rest_of_a_market_order_waits_on_an_exchange_only() -> None:
    waits = order(BUY, type_filling=RETURN)
    assert refused(thin(), waits) == mt5.TRADE_RETCODE_INVALID_FILL
    sent(thin(execution=EXCHANGE), waits)


def test_the_rest_of_a_hedging_order_makes_its_position_larger() -> None:
    account = thin(execution=EXCHANGE)
    one = sent(account, order(BUY, volume=14.0, type_filling=RETURN))
    account.advance(START_MS + 40)
    assert [(p.ticket, p.volume) for p in account.ledger.positions.values()] == [(one, 14.0)]


def test_the_rest_of_a_close_dies_with_its_position() -> None:
    account = thin({"EURUSD": [*LATER["EURUSD"], (50, 1.0)]}, execution=EXCHANGE)
    one = sent(account, order(BUY, volume=14.0, type_filling=RETURN, sl=1.05))
    account.advance(START_MS + 40)
    sent(account, order(SELL, volume=14.0, type_filling=RETURN, position=one))
    rest = the_order(account)
    account.advance(START_MS + 50)
    done = account.ledger.done_order(rest.ticket)
    assert done is not None
    assert (done.state, account.ledger.positions) == (mt5.ORDER_STATE_CANCELED, {})


@pytest.mark.parametrize(
    ("filling", "state"),
    [(FOK, mt5.ORDER_STATE_REJECTED), (IOC, mt5.ORDER_STATE_PARTIAL)],
)
def test_a_stop_without_enough_behind_it(filling: int, state: int) -> None:
    account = thin({"EURUSD": [(10, 1.2)]})
    ticket = sent(account, waiting(4, 1.15, volume=20.0, type_filling=filling))
    account.advance(START_MS + 10)
    done = account.ledger.done_order(ticket)
    assert done is not None
    assert done.state == state
    lots = sum(p.volume for p in account.ledger.positions.values())
    assert lots == (there(account) if filling == IOC else 0.0)


def test_a_limit_deals_at_no_worse_price_and_waits_with_the_rest() -> None:
    account = thin({"EURUSD": [(10, 1.0899), (20, 1.2), (30, 1.0899)]})
    ticket = sent(account, waiting(2, 1.09001, volume=5.0, type_filling=RETURN))
    account.advance(START_MS + 10)
    depth = there(account, limit=1.09001)
    assert the_order(account).left == round(5.0 - depth, 8)
    assert account.ledger.positions[ticket].price_open <= 1.09001
    account.advance(START_MS + 20)
    assert (the_order(account).type, the_order(account).state) == (2, mt5.ORDER_STATE_PARTIAL)
    account.advance(START_MS + 30)
    assert round(sum(d.volume for d in dealt(account)), 8) > depth


@pytest.mark.parametrize(
    ("execution", "kind", "filling", "taken"),
    [
        (MARKET, 2, RETURN, True),
        (MARKET, 6, RETURN, True),
        (MARKET, 4, RETURN, False),
        (mt5.SYMBOL_TRADE_EXECUTION_INSTANT, 4, RETURN, True),
        (MARKET, 2, 3, False),
        (MARKET, 2, 9, False),
    ],
)
def test_fillings_of_pending_orders(execution: int, kind: int, filling: int, taken: bool) -> None:
    account = desk({}, euro(execution=execution))
    price = 1.05 if kind == 2 else 1.15
    request = waiting(kind, price, type_filling=filling, stoplimit=1.14 if kind == 6 else 0.0)
    if taken:
        sent(account, request)
    else:
        assert refused(account, request) == mt5.TRADE_RETCODE_INVALID_FILL
    passive = desk({}, euro(execution=execution, filling_mask=7))
    if kind == 2:
        sent(passive, request._replace(type_filling=3))


def test_market_execution_asks_for_no_price_and_may_slip() -> None:
    account = desk({}, euro(execution=MARKET, slippage_points=3), **RICH)
    prices = [account.send(order(BUY, price=0.0)).fill.price for _ in range(40)]
    points = {round((price - 1.1001) * 1e5) for price in prices}
    assert points == {-3, -2, -1, 0, 1, 2, 3}
    again = desk({}, euro(execution=MARKET, slippage_points=3), **RICH)
    assert [again.send(order(BUY, price=0.0)).fill.price for _ in range(40)] == prices


def test_request_execution_deals_at_a_price_that_was_given_a_moment_ago() -> None:
    tape: Tape = {"EURUSD": [(1_000, 1.2), (2_000, 1.3)]}
    account = desk(tape, euro(execution=mt5.SYMBOL_TRADE_EXECUTION_REQUEST))
    account.advance(START_MS + 2_500)
    outcome = account.send(order(BUY, price=1.2001, deviation=0))
    assert (outcome.retcode, outcome.fill.price) == (mt5.TRADE_RETCODE_DONE, 1.2001)
    assert refused(account, order(BUY, price=1.25)) == mt5.TRADE_RETCODE_PRICE_CHANGED
    account.advance(START_MS + 4_001)
    assert refused(account, order(BUY, price=1.2001)) == mt5.TRADE_RETCODE_PRICE_CHANGED
    sent(account, order(BUY, price=1.3001))


def test_a_price_that_has_not_moved_for_long_is_none() -> None:
    account = desk({}, euro(quote_age_max_s=60))
    account.advance(START_MS + 60_000)
    sent(account, order(BUY))
    pending = sent(account, waiting(2, 1.05))
    account.advance(START_MS + 60_001)
    assert refused(account, order(BUY)) == mt5.TRADE_RETCODE_PRICE_OFF
    assert account.send(remove(pending)).retcode == mt5.TRADE_RETCODE_DONE


@pytest.mark.parametrize("lots", [5.0, 20.0])
def test_a_stop_takes_the_levels_and_its_rest_the_last_of_them(lots: float) -> None:
    """Five lots are more than the first level holds, twenty more than the book does."""
    account = thin({"EURUSD": [(10, 1.09)]})
    ticket = sent(account, order(BUY, volume=0.5, sl=1.095))
    account.ledger.positions[ticket].volume = lots
    account.advance(START_MS + 10)
    quote = account.market.quote("EURUSD", START_MS + 10)
    assert quote is not None
    book = levels(account.market, account.market.symbols["EURUSD"], SELL, quote)
    assert dealt(account)[-1].price == _mean(book, lots) < 1.09


def _mean(book: list[Level], lots: float) -> float:
    paid, left = 0.0, lots
    for level in book:
        part = min(left, level.lots)
        paid, left = paid + part * level.price, round(left - part, 8)
    return round((paid + left * book[-1].price) / lots, 5)


def test_a_stop_out_takes_the_levels_too() -> None:
    account = thin({"EURUSD": [(10, 1.0)]}, deposit=30_000.0)
    ticket = sent(account, order(BUY, volume=4.0, type_filling=IOC))
    held = account.ledger.positions[ticket].volume
    account.advance(START_MS + 10)
    (closed,) = [deal for deal in dealt(account) if deal.reason == mt5.DEAL_REASON_SO]
    quote = account.market.quote("EURUSD", START_MS + 10)
    assert quote is not None
    book = levels(account.market, account.market.symbols["EURUSD"], SELL, quote)
    assert closed.price == _mean(book, held) < 1.0
