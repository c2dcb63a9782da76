"""Margin, profit, swap and stop-out, each by the mode that the broker has set."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from infra.mt5 import constants as mt5
from infra.mt5.simulator.account import Account
from infra.mt5.simulator.expiry import DAY_MS
from infra.mt5.simulator.orders import margin_needed, profit_between
from infra.mt5.simulator.symbols import SYMBOLS
from infra.mt5.simulator.views import account_info
from tests.infra.mt5.hand_made import BUY, SELL, desk, exits, order, sent
from tests.infra.mt5.worlds import START_MS

INDEX = {"calc_mode": mt5.SYMBOL_CALC_MODE_CFDINDEX, "tick_value": 0.00002}
FUTURE = {"tick_value": 1.5, "margin_initial": 2_500.0}
# The lot is 100,000, the leverage 100, the ask 1.10010; then the price rises by 0.001.
MODES: dict[int, tuple[dict[str, Any], float, float]] = {
    mt5.SYMBOL_CALC_MODE_FOREX: ({}, 1_100.10, 100.0),
    mt5.SYMBOL_CALC_MODE_FOREX_NO_LEVERAGE: ({}, 110_010.0, 100.0),
    mt5.SYMBOL_CALC_MODE_CFD: ({}, 110_010.0, 100.0),
    mt5.SYMBOL_CALC_MODE_CFDINDEX: (INDEX, 220_020.0, 100.0),
    mt5.SYMBOL_CALC_MODE_CFDLEVERAGE: ({}, 1_100.10, 100.0),
    mt5.SYMBOL_CALC_MODE_EXCH_STOCKS: ({}, 110_010.0, 100.0),
    mt5.SYMBOL_CALC_MODE_FUTURES: (FUTURE, 2_500.0, 150.0),
    mt5.SYMBOL_CALC_MODE_EXCH_FUTURES: (FUTURE, 2_500.0, 150.0),
}


@pytest.mark.parametrize("mode", MODES)
def test_margin_and_profit_follow_the_calculation_mode(mode: int) -> None:
    fields, margin, gain = MODES[mode]
    tape = {"EURUSD": [(10, 1.1011)]}
    account = desk(tape, {"calc_mode": mode, **fields}, deposit=300_000.0)
    assert margin_needed(account, BUY, "EURUSD", 1.0, 1.1001) == margin
    assert profit_between(account, BUY, "EURUSD", 1.0, 1.1001, 1.1011) == gain
    ticket = sent(account, order(BUY))
    assert account.worth().margin == margin
    account.advance(START_MS + 10)
    assert account.worth().profit == gain
    sent(account, order(SELL, position=ticket))
    assert account.ledger.deals[-1].profit == gain


@pytest.mark.parametrize(
    "fields",
    [
        {"calc_mode": mt5.SYMBOL_CALC_MODE_EXCH_OPTIONS},
        {"calc_mode": mt5.SYMBOL_CALC_MODE_FUTURES, "margin_initial": 1.0},
        {"calc_mode": mt5.SYMBOL_CALC_MODE_FUTURES, "tick_value": 1.0},
        {"calc_mode": mt5.SYMBOL_CALC_MODE_CFDINDEX},
        {"swap_mode": mt5.SYMBOL_SWAP_MODE_REOPEN_BID},
    ],
)
def test_a_mode_that_is_not_there_or_lacks_its_figures_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="EURUSD"):
        replace(SYMBOLS[0], **fields)


# A night of a lot held long at a bid of 1.1, opened at 1.1001, with a swap of -3.6.
NIGHTS = {
    mt5.SYMBOL_SWAP_MODE_DISABLED: 0.0,
    mt5.SYMBOL_SWAP_MODE_POINTS: -3.6,
    mt5.SYMBOL_SWAP_MODE_CURRENCY_SYMBOL: -3.96,
    mt5.SYMBOL_SWAP_MODE_CURRENCY_MARGIN: -3.96,
    mt5.SYMBOL_SWAP_MODE_CURRENCY_DEPOSIT: -3.6,
    mt5.SYMBOL_SWAP_MODE_INTEREST_CURRENT: -11.0,
    mt5.SYMBOL_SWAP_MODE_INTEREST_OPEN: -11.0,
}


@pytest.mark.parametrize("mode", NIGHTS)
def test_a_night_costs_what_the_swap_mode_says(mode: int) -> None:
    account = desk({}, {"swap_mode": mode, "swap_long": -3.6})
    sent(account, order(BUY))
    account.advance(START_MS + DAY_MS)
    (position,) = account.ledger.positions.values()
    assert position.swap == NIGHTS[mode]


@pytest.mark.parametrize(
    ("triple_day", "nights"),
    [(mt5.DAY_OF_WEEK_THURSDAY, 3), (mt5.DAY_OF_WEEK_FRIDAY, 1), (mt5.DAY_OF_WEEK_SATURDAY, 1)],
)
def test_each_symbol_has_its_triple_day(triple_day: int, nights: int) -> None:
    """The account begins on a Thursday."""
    account = desk({}, {"swap_triple_day": triple_day, "swap_long": -2.0})
    sent(account, order(BUY))
    account.advance(START_MS + DAY_MS)
    (position,) = account.ledger.positions.values()
    assert position.swap == -2.0 * nights


def stopped(account: Account) -> list[int]:
    """When a position was stopped out, in milliseconds after the start."""
    account.advance(START_MS + 100)
    return [at for _, at, _, reason in exits(account) if reason == mt5.DEAL_REASON_SO]


def test_stop_out_in_percent_of_the_margin() -> None:
    """1,496.50 after commission, less 946 or 948: half of 1,100.10 lies between."""
    account = desk({"EURUSD": [(10, 1.09064), (20, 1.09062)]}, deposit=1_500.0)
    sent(account, order(BUY))
    assert stopped(account) == [20]


def test_stop_out_in_money() -> None:
    """1,496.50 after commission, less 946, 948 or 951: 547 lies before the last."""
    tape = {"EURUSD": [(10, 1.09064), (20, 1.09062), (30, 1.09059)]}
    account = desk(tape, deposit=1_500.0, stop_out_money=547.0, margin_call_money=900.0)
    sent(account, order(BUY))
    assert stopped(account) == [30]
    info = account_info(account)
    assert info.margin_so_mode == mt5.ACCOUNT_STOPOUT_MODE_MONEY
    assert (info.margin_so_call, info.margin_so_so) == (900.0, 547.0)


def test_in_percent_the_account_says_so() -> None:
    info = account_info(desk({}))
    assert info.margin_so_mode == mt5.ACCOUNT_STOPOUT_MODE_PERCENT
    assert (info.margin_so_call, info.margin_so_so) == (100.0, 50.0)
