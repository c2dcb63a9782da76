"""When and at what price an order is dealt: execution modes, depth of book, stop-limits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from infra.mt5 import constants as mt5
from infra.mt5.simulator.depth import offers, swept, taken
from infra.mt5.simulator.symbols import SYMBOLS, Depth
from infra.mt5.simulator.ticks import Quote
from tests.infra.mt5.hand_made import BUY, SELL, desk, exits, order, sent, waiting
from tests.infra.mt5.worlds import START_MS, deal, in_process, send, settings

REQUEST, INSTANT, MARKET, EXCHANGE = range(4)
THIN = Depth(levels=3, lots_per_level=1.0, step_points=2)
IOC, RETURN = mt5.ORDER_FILLING_IOC, mt5.ORDER_FILLING_RETURN
QUOTE = Quote(START_MS, 1.1, 1.1001, 6)


@pytest.mark.parametrize("execution", [MARKET, EXCHANGE])
def test_where_the_market_names_the_price_it_may_be_any(execution: int) -> None:
    account = desk({}, {"execution": execution})
    outcome = account.send(order(BUY, price=0.0, deviation=0))
    assert (outcome.retcode, outcome.fill.price) == (mt5.TRADE_RETCODE_DONE, 1.1001)


@pytest.mark.parametrize(
    ("execution", "code"),
    [(INSTANT, mt5.TRADE_RETCODE_REQUOTE), (REQUEST, mt5.TRADE_RETCODE_PRICE_CHANGED)],
)
def test_where_the_trader_names_the_price_it_must_be_there(execution: int, code: int) -> None:
    account = desk({}, {"execution": execution})
    assert account.send(order(BUY, price=1.1, deviation=9)).retcode == code
    assert account.send(order(BUY, price=1.1, deviation=10)).retcode == mt5.TRADE_RETCODE_DONE


@pytest.mark.parametrize("execution", [MARKET, EXCHANGE])
def test_a_queued_order_is_dealt_at_the_quote_of_its_time(execution: int) -> None:
    account = desk({"EURUSD": [(40, 1.2), (60, 1.3)]}, {"execution": execution, "execution_ms": 50})
    outcome = account.send(order(BUY))
    assert (outcome.retcode, outcome.fill.deal) == (mt5.TRADE_RETCODE_PLACED, 0)
    account.advance(START_MS + 70)
    (position,) = account.ledger.positions.values()
    assert (position.opened_ms - START_MS, position.price_open) == (50, 1.2001)


def test_a_stop_does_not_look_back_before_its_position() -> None:
    """The tick at 40 is below the stop loss, but the position comes at 50 only."""
    account = desk({"EURUSD": [(40, 1.0), (45, 1.2)]}, {"execution": MARKET, "execution_ms": 50})
    account.send(order(BUY, sl=1.05))
    account.advance(START_MS + 70)
    assert exits(account) == []
    assert len(account.ledger.positions) == 1


def test_a_queued_close_finds_its_position_gone() -> None:
    account = desk({"EURUSD": [(30, 1.05)]}, {"execution": MARKET, "execution_ms": 20})
    ticket = account.send(order(BUY, sl=1.09)).fill.order
    account.advance(START_MS + 20)
    account.send(order(SELL, position=ticket))
    account.advance(START_MS + 60)
    assert [reason for *_, reason in exits(account)] == [mt5.DEAL_REASON_SL]
    done = account.ledger.done[-1]
    assert (done.state, done.comment) == (mt5.ORDER_STATE_CANCELED, "[position closed]")


def test_without_a_depth_every_volume_is_dealt_at_the_quote() -> None:
    assert offers(7, SYMBOLS[0], QUOTE, BUY) == ()
    assert taken(7, SYMBOLS[0], QUOTE, BUY, 50.0, 0.0) == (50.0, 1.1001)


def test_depth_is_drawn_by_seed_quote_and_side() -> None:
    symbol = replace(SYMBOLS[0], depth=THIN)
    asks = offers(7, symbol, QUOTE, BUY)
    assert asks == offers(7, symbol, QUOTE, BUY)
    assert [ask.price for ask in asks] == [1.1001, 1.10012, 1.10014]
    assert [bid.price for bid in offers(7, symbol, QUOTE, SELL)] == [1.1, 1.09998, 1.09996]
    bids = offers(7, symbol, QUOTE, SELL)
    assert [bid.lots for bid in bids] != [ask.lots for ask in asks]
    assert all(0.49 <= ask.lots <= 1.5 for ask in asks)
    others = (offers(8, symbol, QUOTE, BUY), offers(7, symbol, replace(QUOTE, time_ms=1), BUY))
    for other in others:
        assert [each.lots for each in other] != [each.lots for each in asks]


def test_a_large_order_slips_through_the_levels() -> None:
    symbol = replace(SYMBOLS[0], depth=THIN)
    first, second, third = offers(7, symbol, QUOTE, BUY)
    both = round(first.lots + second.lots, 8)
    paid = first.price * first.lots + second.price * second.lots
    assert taken(7, symbol, QUOTE, BUY, both, 99.0) == (both, symbol.rounded(paid / both))
    assert taken(7, symbol, QUOTE, BUY, 99.0, 2.0).lots == both
    assert taken(7, symbol, QUOTE, BUY, 99.0, 99.0).lots == round(both + third.lots, 8)


@pytest.mark.parametrize(("execution", "reach"), [(INSTANT, 1), (MARKET, 3)])
def test_the_deviation_bounds_the_levels_where_the_trader_names_the_price(
    execution: int, reach: int
) -> None:
    account = desk({}, {"execution": execution, "depth": THIN})
    symbol = account.market.symbols["EURUSD"]
    lots = sum(offer.lots for offer in offers(7, symbol, QUOTE, BUY)[:reach])
    request = order(BUY, volume=20.0, price=1.1001, deviation=1, type_filling=IOC)
    outcome = account.send(request)
    assert outcome.retcode == mt5.TRADE_RETCODE_DONE_PARTIAL
    assert outcome.fill.volume == pytest.approx(lots)
    (done,) = account.ledger.done
    assert (done.state, done.volume_initial) == (mt5.ORDER_STATE_CANCELED, 20.0)
    assert done.volume_current == pytest.approx(20.0 - lots)


def test_all_or_nothing_is_nothing_where_the_book_is_thin() -> None:
    account = desk({}, {"execution": MARKET, "depth": THIN})
    assert account.send(order(BUY, volume=20.0)).retcode == mt5.TRADE_RETCODE_REJECT
    assert account.ledger.positions == {}


def test_an_order_that_returns_is_dealt_in_parts() -> None:
    """One level of at most a lot and a half for each quote: four lots take three parts or more."""
    depth = Depth(levels=1, lots_per_level=1.0)
    tape = [(at, 1.1 + at / 1e8) for at in range(500, 10_000, 1_000)]
    account = desk({"EURUSD": tape}, {"execution": EXCHANGE, "depth": depth})
    outcome = account.send(order(BUY, volume=4.0, type_filling=RETURN))
    assert outcome.retcode == mt5.TRADE_RETCODE_DONE_PARTIAL
    (waiting_order,) = account.ledger.orders.values()
    assert waiting_order.state == mt5.ORDER_STATE_PARTIAL
    account.advance(START_MS + 10_000)
    (position,) = account.ledger.positions.values()
    assert (position.volume, account.ledger.orders) == (4.0, {})
    deals = account.ledger.deals[1:]
    assert len(deals) >= 3
    assert {deal.order for deal in deals} == {outcome.fill.order} == {position.ticket}
    mean = sum(deal.volume * deal.price for deal in deals) / 4.0
    assert position.price_open == pytest.approx(mean, abs=1e-7)


def test_a_stop_limit_places_its_limit_when_it_is_touched() -> None:
    account = desk({"EURUSD": [(10, 1.1100), (20, 1.1049), (30, 1.1039)]})
    kind = mt5.ORDER_TYPE_BUY_STOP_LIMIT
    ticket = sent(account, waiting(kind, 1.1090, stoplimit=1.1040))
    account.advance(START_MS + 15)
    (limit,) = account.ledger.orders.values()
    assert (limit.ticket, limit.type, limit.price) == (ticket, mt5.ORDER_TYPE_BUY_LIMIT, 1.1040)
    account.advance(START_MS + 25)
    assert account.ledger.positions == {}
    account.advance(START_MS + 35)
    assert account.ledger.positions[ticket].price_open == 1.1040


def test_what_is_left_of_an_order_may_be_taken_back_but_not_changed() -> None:
    depth = Depth(levels=1, lots_per_level=1.0)
    account = desk({}, {"execution": EXCHANGE, "depth": depth})
    outcome = account.send(order(BUY, volume=4.0, type_filling=RETURN))
    change = order(BUY, action=mt5.TRADE_ACTION_MODIFY, order=outcome.fill.order)
    assert account.send(change).retcode == mt5.TRADE_RETCODE_LOCKED
    remove = change._replace(action=mt5.TRADE_ACTION_REMOVE)
    assert account.send(remove).retcode == mt5.TRADE_RETCODE_DONE
    account.advance(START_MS + 5_000)
    (position,) = account.ledger.positions.values()
    assert position.volume == outcome.fill.volume
    assert account.ledger.done[-1].volume_current == round(4.0 - position.volume, 8)


def test_what_is_left_of_an_order_to_add_does_not_close() -> None:
    """In a netting account its position is also the one that it adds to."""
    depth = Depth(levels=1, lots_per_level=1.0)
    netting = mt5.ACCOUNT_MARGIN_MODE_RETAIL_NETTING
    account = desk({}, {"execution": EXCHANGE, "depth": depth}, margin_mode=netting)
    ticket = sent(account, order(BUY, volume=0.4))
    account.send(order(BUY, volume=4.0, type_filling=RETURN))
    moved = order(BUY, action=mt5.TRADE_ACTION_SLTP, position=ticket, sl=1.09)
    assert account.send(moved).retcode == mt5.TRADE_RETCODE_DONE


def test_a_queued_close_needs_no_money() -> None:
    queued = {"execution": MARKET, "execution_ms": 20}
    account = desk({"EURUSD": [(30, 1.0911)]}, queued, deposit=1_200.0, stop_out_percent=10.0)
    ticket = account.send(order(BUY)).fill.order
    account.advance(START_MS + 30)
    assert account.worth().free < 0
    account.send(order(SELL, position=ticket))
    account.advance(START_MS + 60)
    assert account.ledger.positions == {}


def test_a_stop_limit_that_was_just_touched_has_changed() -> None:
    account = desk({"EURUSD": [(10, 1.1100)]}, settling_ms=100)
    kind = mt5.ORDER_TYPE_BUY_STOP_LIMIT
    ticket = sent(account, waiting(kind, 1.1090, stoplimit=1.1040))
    remove = order(BUY, action=mt5.TRADE_ACTION_REMOVE, order=ticket)
    account.advance(START_MS + 109)
    assert account.send(remove).retcode == mt5.TRADE_RETCODE_ORDER_CHANGED
    account.advance(START_MS + 110)
    assert account.send(remove).retcode == mt5.TRADE_RETCODE_DONE


def test_deals_of_an_order_that_goes_on_are_found_by_its_ticket() -> None:
    depth = Depth(levels=1, lots_per_level=1.0)
    with in_process(settings(execution=EXCHANGE, depth=depth)) as world:
        terminal = world.ready()
        result = send(terminal, deal(terminal, volume=4.0, type_filling=RETURN))
        (made,) = terminal.history_deals_get(ticket=result.order) or ()
        assert (made.ticket, made.volume) == (result.deal, result.volume)
        (active,) = terminal.orders_get(ticket=result.order) or ()
        assert active.volume_current == round(4.0 - result.volume, 8)


@pytest.mark.parametrize("execution", [REQUEST, INSTANT, MARKET])
def test_only_to_an_exchange_does_an_order_return(execution: int) -> None:
    account = desk({}, {"execution": execution})
    outcome = account.send(order(BUY, type_filling=RETURN))
    assert outcome.retcode == mt5.TRADE_RETCODE_INVALID_FILL


def test_first_in_first_out_lets_the_first_out() -> None:
    account = desk({}, fifo_close=True)
    one, two = sent(account, order(BUY)), sent(account, order(BUY))
    other = sent(account, order(BUY, symbol="GBPUSD", price=1.3001))
    late = account.send(order(SELL, position=two)).retcode
    assert late == mt5.TRADE_RETCODE_FIFO_CLOSE
    for ticket, name, price in ((other, "GBPUSD", 1.3), (one, "EURUSD", 1.1), (two, "EURUSD", 1.1)):
        sent(account, order(SELL, position=ticket, symbol=name, price=price))


def test_a_stop_slips_through_the_levels_and_a_limit_does_not() -> None:
    """Two lots, of which no level holds more than one and a half."""
    tape = {"EURUSD": [(10, 1.0940), (20, 1.1200)]}
    account = desk(tape, {"execution": MARKET, "depth": THIN})
    for levels in ({"sl": 1.0950}, {"tp": 1.1190}):
        sent(account, order(BUY, volume=2.0, **levels))
    account.advance(START_MS + 30)
    (_, _, stopped, _), (_, _, taken_at, _) = exits(account)
    assert 1.09396 < stopped < 1.0940
    assert taken_at == 1.1200


def test_what_the_levels_do_not_hold_is_dealt_at_the_last() -> None:
    symbol = replace(SYMBOLS[0], depth=THIN)
    levels = offers(7, symbol, QUOTE, SELL)
    whole = round(sum(level.lots for level in levels), 8)
    paid = sum(level.price * level.lots for level in levels)
    exact = (paid + levels[-1].price * 10.0) / (whole + 10.0)
    assert swept(7, symbol, QUOTE, SELL, whole + 10.0) == pytest.approx(exact, abs=0.6e-5)
    assert swept(7, symbol, QUOTE, SELL, whole) == taken(7, symbol, QUOTE, SELL, whole, 9.0).price
    assert swept(7, SYMBOLS[0], QUOTE, SELL, 10.0) == QUOTE.bid


def test_an_order_to_stop_in_slips_too() -> None:
    account = desk({"EURUSD": [(10, 1.1200)]}, {"depth": THIN})
    ticket = sent(account, waiting(mt5.ORDER_TYPE_BUY_STOP, 1.1150, volume=2.0))
    account.advance(START_MS + 10)
    assert 1.1201 < account.ledger.positions[ticket].price_open < 1.12014
