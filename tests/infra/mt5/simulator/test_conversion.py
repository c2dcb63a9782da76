"""Profit and margin in other currencies than the account's."""

from __future__ import annotations

import pytest

from infra.mt5 import constants as mt5
from infra.mt5.simulator.conversion import legs
from infra.mt5.simulator.orders import margin_needed, profit_between
from infra.mt5.simulator.settings import AccountSettings, BrokerSettings
from infra.mt5.simulator.symbols import SYMBOLS
from tests.infra.mt5.simulator.hand import BUY, FIRST, SELL, dealt, desk, like, order, sent
from tests.infra.mt5.worlds import START_MS

CROSS = (*SYMBOLS, like("EURUSD", name="EURGBP", profit="GBP"))
CROSSED = {**FIRST, "EURGBP": [(0, 0.85)]}


def test_profit_and_margin_are_converted_through_other_symbols() -> None:
    """A buy gains pounds at the bid of 1.3 and binds euros at the ask of 1.1001."""
    account = desk({}, CROSS, CROSSED)
    assert profit_between(account, BUY, "EURGBP", 1.0, 0.85, 0.86) == 1_300.0
    assert profit_between(account, SELL, "EURGBP", 1.0, 0.86, 0.85) == 1_300.1
    assert margin_needed(account, BUY, "EURGBP", 1.0, 0.85) == 1_100.1
    assert margin_needed(account, SELL, "EURGBP", 1.0, 0.85) == 1_100.0


def test_two_symbols_convert_where_one_does_not() -> None:
    """Dollars become euros, euros pounds; of the euro's own quotes the deal's price counts."""
    account = desk({}, CROSS, CROSSED, currency="GBP", deposit=1e6)
    assert profit_between(account, BUY, "EURUSD", 1.0, 1.10, 1.11) == pytest.approx(769.23)
    yen = desk({}, (*CROSS, like("EURUSD", name="EURJPY", profit="JPY")), CROSSED, currency="JPY")
    ways = [leg.symbol for leg in yen.market.legs("GBP", "JPY")]
    assert ways == ["GBPUSD", "USDJPY"]


def test_gold_is_no_money() -> None:
    symbols = {symbol.name: symbol for symbol in SYMBOLS}
    assert legs(symbols, "XAU", "USD") is None
    assert legs(symbols, "USD", "XAU") is None


def test_a_conversion_may_stop_a_position_out_while_its_own_price_stands_still() -> None:
    """A loss of pounds grows in dollars as the pound rises."""
    tape = {"EURGBP": [(10, 0.8330)], "GBPUSD": [(20, 1.35), (30, 1.4), (40, 1.5)]}
    account = desk(tape, CROSS, CROSSED, deposit=3_000.0, commission_per_lot=0.0)
    sent(account, order(BUY, symbol="EURGBP", price=0.85))
    account.advance(START_MS + 50)
    out = dealt(account)[-1]
    assert (out.reason, out.time_msc - START_MS) == (mt5.DEAL_REASON_SO, 40)
    assert out.profit == pytest.approx((0.8330 - 0.8501) * 100_000 * 1.5)


def test_a_currency_that_nothing_leads_to_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match="leads there from USD, which EURUSD needs"):
        BrokerSettings(logins=(1,), terms=AccountSettings(currency="SEK"))
