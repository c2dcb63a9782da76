"""Symbols: margin and profit by calculation mode and currency, swaps, hours, what is offered."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from infra.mt5 import constants as mt5
from infra.mt5.simulator.account import Account
from infra.mt5.simulator.expiry import DAY_MS
from infra.mt5.simulator.mishaps import MarketFault
from infra.mt5.simulator.orders import margin_needed, profit_between
from infra.mt5.simulator.quotes import Quotes
from infra.mt5.simulator.settings import AccountSettings, MarketSettings
from infra.mt5.simulator.specification import Depth, Hours, Specification
from infra.mt5.simulator.symbols import SYMBOLS
from infra.mt5.simulator.ticks import Market
from tests.infra.mt5.simulator.hand import (
    BUY,
    SELL,
    dealt,
    desk,
    euro,
    like,
    order,
    refused,
    sent,
    waiting,
)
from tests.infra.mt5.worlds import HOUR_MS, START_MS

MIDNIGHT_MS = DAY_MS - START_MS % DAY_MS  # after the start, which is a Thursday noon
INDEX = {"contract_size": 10.0, "digits": 2, "tick_size": 0.25, "tick_value": 5.0}


def of_mode(calc_mode: int, **changes: Any) -> Account:
    """An account that trades EURUSD as a contract of another kind, at leverage 100."""
    return desk({}, euro(calc_mode=calc_mode, **changes), commission_per_lot=0.0)


@pytest.mark.parametrize(
    ("mode", "changes", "margin", "profit"),
    [
        (mt5.SYMBOL_CALC_MODE_FOREX, {}, 1_200.0, 1_000.0),
        (mt5.SYMBOL_CALC_MODE_FOREX_NO_LEVERAGE, {}, 120_000.0, 1_000.0),
        (mt5.SYMBOL_CALC_MODE_CFD, {}, 120_000.0, 1_000.0),
        (mt5.SYMBOL_CALC_MODE_CFDLEVERAGE, {}, 1_200.0, 1_000.0),
        (mt5.SYMBOL_CALC_MODE_CFDINDEX, INDEX, 240.0, 0.1),
        (
            mt5.SYMBOL_CALC_MODE_FUTURES,
            {**INDEX, "margin_initial": 700.0, "margin_currency": "GBP"},
            910.07,
            0.2,
        ),
        (
            mt5.SYMBOL_CALC_MODE_EXCH_FUTURES,
            {**INDEX, "margin_initial": 700.0, "margin_currency": "USD"},
            700.0,
            0.2,
        ),
        (mt5.SYMBOL_CALC_MODE_EXCH_STOCKS, {"contract_size": 50.0}, 60.0, 0.5),
        (mt5.SYMBOL_CALC_MODE_EXCH_STOCKS_MOEX, {"contract_size": 50.0}, 60.0, 0.5),
        (
            mt5.SYMBOL_CALC_MODE_EXCH_BONDS,
            {"contract_size": 5.0, "face_value": 1_000.0},
            60.0,
            0.5,
        ),
    ],
)
def test_each_calculation_mode_has_its_margin_and_profit(
    mode: int, changes: dict[str, Any], margin: float, profit: float
) -> None:
    account = of_mode(mode, **changes)
    assert margin_needed(account, BUY, "EURUSD", 1.0, 1.2) == margin
    assert profit_between(account, BUY, "EURUSD", 1.0, 1.2, 1.21) == profit
    assert profit_between(account, SELL, "EURUSD", 2.0, 1.2, 1.21) == -2 * profit


def test_collateral_is_not_traded() -> None:
    account = of_mode(mt5.SYMBOL_CALC_MODE_SERV_COLLATERAL)
    assert refused(account, order(BUY)) == mt5.TRADE_RETCODE_TRADE_DISABLED
    assert margin_needed(account, BUY, "EURUSD", 1.0, 1.2) == 0.0


P = mt5.SYMBOL_SWAP_MODE_POINTS


@pytest.mark.parametrize(
    ("mode", "rate", "charge"),
    [
        (mt5.SYMBOL_SWAP_MODE_DISABLED, -5.0, 0.0),
        (P, -5.0, -5.0),
        (mt5.SYMBOL_SWAP_MODE_CURRENCY_SYMBOL, -5.0, -5.5),
        (mt5.SYMBOL_SWAP_MODE_CURRENCY_MARGIN, -5.0, -5.5),
        (mt5.SYMBOL_SWAP_MODE_CURRENCY_DEPOSIT, -5.0, -5.0),
        (mt5.SYMBOL_SWAP_MODE_INTEREST_CURRENT, -3.6, -11.0),
        (mt5.SYMBOL_SWAP_MODE_INTEREST_OPEN, -3.6, -11.0),
    ],
)
def test_each_swap_mode_charges_in_its_unit(mode: int, rate: float, charge: float) -> None:
    account = desk({}, euro(swap_mode=mode, swap_long=rate), commission_per_lot=0.0)
    one = sent(account, order(BUY))
    account.advance(START_MS + MIDNIGHT_MS)
    assert account.ledger.positions[one].swap == charge


@pytest.mark.parametrize("mode", [7, 8])
def test_a_position_may_be_dealt_away_and_back_overnight(mode: int) -> None:
    account = desk({}, euro(swap_mode=mode, swap_long=-7.0), commission_per_lot=0.0)
    one = sent(account, order(BUY))
    account.advance(START_MS + MIDNIGHT_MS)
    (position,) = account.ledger.positions.values()
    assert (position.identifier, position.ticket > one) == (one, True)
    assert (position.price_open, position.swap) == (1.10007, 0.0)
    out, back = dealt(account)[1:]
    assert [d.reason for d in (out, back)] == [mt5.DEAL_REASON_ROLLOVER] * 2
    assert [(d.entry, d.position_id) for d in (out, back)] == [(1, one), (0, one)]
    assert out.profit == -10.0


@pytest.mark.parametrize(("triple", "charge"), [(mt5.DAY_OF_WEEK_THURSDAY, -15.0), (5, -5.0)])
def test_each_symbol_has_its_triple_day(triple: int, charge: float) -> None:
    account = desk({}, euro(swap_long=-5.0, swap_triple_day=triple))
    one = sent(account, order(BUY))
    account.advance(START_MS + MIDNIGHT_MS)
    assert account.ledger.positions[one].swap == charge


@pytest.mark.parametrize(
    ("gtc", "kept", "stop"),
    [
        (mt5.SYMBOL_ORDERS_GTC, True, 1.05),
        (mt5.SYMBOL_ORDERS_DAILY, False, 0.0),
        (mt5.SYMBOL_ORDERS_DAILY_NO_STOPS, False, 1.05),
    ],
)
def test_orders_and_stops_may_live_for_a_day_only(gtc: int, kept: bool, stop: float) -> None:
    account = desk({}, euro(orders_gtc=gtc))
    one = sent(account, order(BUY, sl=1.05))
    pending = sent(account, waiting(mt5.ORDER_TYPE_BUY_LIMIT, 1.0))
    account.advance(START_MS + MIDNIGHT_MS)
    assert (pending in account.ledger.orders, account.ledger.positions[one].sl) == (kept, stop)


@pytest.mark.parametrize(
    ("mask", "request_", "code"),
    [
        (127 - 1, order(BUY), mt5.TRADE_RETCODE_INVALID_ORDER),
        (127 - 2, waiting(2, 1.05), mt5.TRADE_RETCODE_INVALID_ORDER),
        (127 - 4, waiting(4, 1.15), mt5.TRADE_RETCODE_INVALID_ORDER),
        (127 - 8, waiting(6, 1.15, stoplimit=1.14), mt5.TRADE_RETCODE_INVALID_ORDER),
        (127 - 16, order(BUY, sl=1.0), mt5.TRADE_RETCODE_INVALID_ORDER),
        (127 - 32, order(BUY, tp=1.2), mt5.TRADE_RETCODE_INVALID_ORDER),
    ],
)
def test_a_symbol_takes_the_orders_of_its_mask(mask: int, request_: Any, code: int) -> None:
    assert refused(desk({}, euro(order_mask=mask)), request_) == code
    sent(desk({}), request_)


@pytest.mark.parametrize("time_type", range(4))
def test_a_symbol_takes_the_lifetimes_of_its_mask(time_type: int) -> None:
    later = {"type_time": time_type, "expiration": START_MS // 1000 + 100_000}
    request = waiting(mt5.ORDER_TYPE_BUY_LIMIT, 1.0, **later)
    only = desk({}, euro(expiration_mask=1 << time_type))
    without = desk({}, euro(expiration_mask=15 - (1 << time_type)))
    sent(only, request)
    assert refused(without, request) == mt5.TRADE_RETCODE_INVALID_EXPIRATION


def test_a_symbol_may_have_hours_of_its_own() -> None:
    """Thursdays from 9 to 13 UTC."""
    symbols = euro(hours=(Hours(mt5.DAY_OF_WEEK_THURSDAY, 9 * 60, 13 * 60),))
    market = Market(MarketSettings(symbols=symbols))
    last = START_MS + HOUR_MS - 1
    assert market.is_open("EURUSD", last)
    assert not market.is_open("EURUSD", last + 1)
    assert len(market.ticks("EURUSD", START_MS, last)) > 0
    assert len(market.ticks("EURUSD", last + 1, last + 100 * HOUR_MS)) == 0
    account = desk({}, symbols)
    account.advance(last)
    sent(account, order(BUY))
    account.advance(last + 1)
    assert refused(account, order(BUY)) == mt5.TRADE_RETCODE_MARKET_CLOSED


def test_prices_stay_on_the_tick() -> None:
    symbols = tuple(replace(s, tick_size=5 * s.point) for s in SYMBOLS)
    ticks = Market(MarketSettings(symbols=symbols)).ticks("EURUSD", START_MS, START_MS + HOUR_MS)
    points = [round(price * 1e5) for price in (*ticks.bid.tolist(), *ticks.ask.tolist())]
    assert {point % 5 for point in points} == {0}
    assert (ticks.ask > ticks.bid).all()
    account = desk({}, euro(tick_size=5e-5))
    assert refused(account, order(BUY, sl=1.00003)) == mt5.TRADE_RETCODE_INVALID_STOPS
    sent(account, order(BUY, sl=1.00005))


def test_a_symbol_may_have_a_commission_of_its_own() -> None:
    account = desk({}, euro(commission_per_lot=2.0))
    sent(account, order(BUY, volume=1.5))
    assert dealt(account)[-1].commission == -3.0


def test_the_package_shows_what_the_symbol_states() -> None:
    symbols = euro(
        calc_mode=mt5.SYMBOL_CALC_MODE_FUTURES,
        tick_size=5e-5,
        tick_value=2.5,
        margin_initial=700.0,
        swap_mode=mt5.SYMBOL_SWAP_MODE_INTEREST_OPEN,
        swap_triple_day=5,
        expiration_mask=3,
        order_mask=3,
        orders_gtc=1,
    )
    shown = Quotes(Market(MarketSettings(symbols=symbols)), "USD").symbol("EURUSD", START_MS, set())
    assert (shown.trade_calc_mode, shown.trade_tick_size) == (1, 5e-5)
    assert shown.trade_tick_value == pytest.approx(2.5)
    assert (shown.swap_mode, shown.swap_rollover3days) == (6, 5)
    assert (shown.expiration_mode, shown.order_mode, shown.order_gtc_mode) == (3, 3, 1)
    assert shown.margin_initial == 700.0


@pytest.mark.parametrize(
    ("mode", "currency"),
    [(mt5.SYMBOL_CALC_MODE_FOREX, "EUR"), (mt5.SYMBOL_CALC_MODE_CFD, "USD")],
)
def test_the_margin_currency_shown_is_the_one_that_margin_is_worked_out_in(
    mode: int, currency: str
) -> None:
    account = of_mode(mode)
    shown = Quotes(account.market, "USD").symbol("EURUSD", START_MS, set())
    assert shown.currency_margin == currency


@pytest.mark.parametrize(
    "wrong",
    [
        {"calc_mode": mt5.SYMBOL_CALC_MODE_FUTURES},
        {"calc_mode": mt5.SYMBOL_CALC_MODE_EXCH_BONDS},
        {"calc_mode": mt5.SYMBOL_CALC_MODE_EXCH_OPTIONS},
        {"calc_mode": 35},
        {"tick_size": 0.000015},
        {"volume_step": 0.0},
        {"volume_min": 0.001},
        {"hours": (Hours(7, 0, 60),)},
        {"hours": (Hours(1, 60, 60),)},
    ],
)
def test_a_symbol_that_says_too_little_is_refused_in_words(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"EURUSD: .*; give "):
        _: Specification = like("EURUSD", **wrong)


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (Depth, {"levels": 33}),
        (Depth, {"lots": 0.0}),
        (AccountSettings, {"leverage": 0}),
        (AccountSettings, {"desk_ms": -1}),
        (MarketSettings, {"mishaps_per_day": 16.0}),
        (MarketFault, {"kind": "closed", "from_ms": 5, "to_ms": 5}),
    ],
)
def test_settings_without_sense_are_refused_in_words(kind: Any, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="give "):
        kind(**wrong)
