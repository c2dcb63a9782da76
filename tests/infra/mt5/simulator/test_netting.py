"""One position per symbol: added to, taken from, turned around."""

from __future__ import annotations

from dataclasses import replace

import pytest

from infra.mt5 import constants as mt5
from infra.mt5.simulator.account import Account
from infra.mt5.simulator.expiry import DAY_MS
from infra.mt5.simulator.ledger import Position
from infra.mt5.simulator.orders import checked
from tests.infra.mt5.hand_made import BUY, SELL, Tape, desk, order, sent, waiting
from tests.infra.mt5.worlds import START_MS

MODES = [mt5.ACCOUNT_MARGIN_MODE_RETAIL_NETTING, mt5.ACCOUNT_MARGIN_MODE_EXCHANGE]
each_mode = pytest.mark.parametrize("mode", MODES)


def netting(tape: Tape, mode: int, at_ms: int = 0) -> Account:
    """An account that nets, at a moment after its start."""
    account = desk(tape, margin_mode=mode)
    account.advance(START_MS + at_ms)
    return account


def only(account: Account) -> Position:
    (position,) = account.ledger.positions.values()
    return position


def entries(account: Account) -> list[tuple[int, float, float]]:
    """Entry, lots and profit of each deal."""
    return [(deal.entry, deal.volume, deal.profit) for deal in account.ledger.deals[1:]]


@each_mode
def test_a_deal_of_the_same_side_adds_at_the_mean_price(mode: int) -> None:
    account = netting({"EURUSD": [(10, 1.10030)]}, mode)
    first = sent(account, order(BUY, volume=1.0, sl=1.05))
    account.advance(START_MS + 10)
    sent(account, order(BUY, volume=0.5))
    position = only(account)
    assert (position.ticket, position.volume, position.sl) == (first, 1.5, 1.05)
    assert position.price_open == pytest.approx(1.10020)
    assert [deal.position_id for deal in account.ledger.deals[1:]] == [first, first]
    assert account.worth().margin == 1650.3


@each_mode
def test_an_opposite_deal_takes_from_it(mode: int) -> None:
    account = netting({"EURUSD": [(10, 1.10110)]}, mode)
    sent(account, order(BUY))
    account.advance(START_MS + 10)
    sent(account, order(SELL, volume=0.4))
    assert only(account).volume == 0.6
    sent(account, order(SELL, volume=0.6))
    assert account.ledger.positions == {}
    assert entries(account) == [
        (mt5.DEAL_ENTRY_IN, 1.0, 0.0),
        (mt5.DEAL_ENTRY_OUT, 0.4, 40.0),
        (mt5.DEAL_ENTRY_OUT, 0.6, 60.0),
    ]


@each_mode
def test_a_larger_opposite_deal_turns_it_around(mode: int) -> None:
    account = netting({"EURUSD": [(10, 1.10110)]}, mode)
    sent(account, order(BUY))
    account.advance(START_MS + 10)
    turned = sent(account, order(SELL, volume=1.5, sl=1.2))
    position = only(account)
    assert (position.ticket, position.side, position.volume) == (turned, SELL, 0.5)
    assert (position.price_open, position.sl) == (1.10110, 1.2)
    assert entries(account)[1] == (mt5.DEAL_ENTRY_INOUT, 1.5, 100.0)


@each_mode
def test_a_pending_order_nets_too(mode: int) -> None:
    account = netting({"EURUSD": [(10, 1.09480)]}, mode)
    sent(account, order(SELL))
    sent(account, waiting(mt5.ORDER_TYPE_BUY_LIMIT, 1.09500, volume=1.0))
    account.advance(START_MS + 10)
    assert account.ledger.positions == {}
    assert entries(account)[1] == (mt5.DEAL_ENTRY_OUT, 1.0, 510.0)


@each_mode
def test_taking_from_it_needs_no_money(mode: int) -> None:
    account = netting({"EURUSD": [(10, 1.09700)]}, mode)
    account.ledger.balance = 1_200.0
    sent(account, order(BUY))
    account.advance(START_MS + 10)
    assert account.worth().free < 0
    assert account.send(order(BUY, volume=0.01)).retcode == mt5.TRADE_RETCODE_NO_MONEY
    assert account.send(order(SELL, volume=0.5)).retcode == mt5.TRADE_RETCODE_DONE


@each_mode
def test_the_symbol_alone_names_the_position_whose_stops_move(mode: int) -> None:
    account = netting({}, mode)
    sent(account, order(BUY))
    moved = order(BUY, action=mt5.TRADE_ACTION_SLTP, sl=1.09)
    assert account.send(moved).retcode == mt5.TRADE_RETCODE_DONE
    assert only(account).sl == 1.09


@each_mode
def test_a_full_account_may_add_to_what_it_has(mode: int) -> None:
    account = desk({}, margin_mode=mode, positions_max=1)
    sent(account, order(BUY))
    sent(account, order(BUY))
    other = order(BUY, symbol="GBPUSD", price=1.3001)
    assert account.send(other).retcode == mt5.TRADE_RETCODE_LIMIT_POSITIONS


@each_mode
def test_nothing_is_closed_by_another(mode: int) -> None:
    account = netting({}, mode)
    ticket = sent(account, order(BUY))
    by = order(BUY, action=mt5.TRADE_ACTION_CLOSE_BY, position=ticket, position_by=ticket)
    assert account.send(by).retcode == mt5.TRADE_RETCODE_INVALID_ORDER


def test_positions_that_hedge_close_each_other() -> None:
    account = desk({"EURUSD": [(10, 1.10110)]})
    long = sent(account, order(BUY))
    account.advance(START_MS + 10)
    short = sent(account, order(SELL, volume=0.4))
    by = order(BUY, action=mt5.TRADE_ACTION_CLOSE_BY, position=long, position_by=short)
    assert account.send(by).retcode == mt5.TRADE_RETCODE_DONE
    assert only(account).volume == 0.6
    closed = account.ledger.deals[-2:]
    assert [deal.entry for deal in closed] == [mt5.DEAL_ENTRY_OUT_BY] * 2
    assert [(deal.position_id, deal.profit) for deal in closed] == [(long, 40.0), (short, 0.0)]


@each_mode
def test_a_deal_that_adds_may_move_the_stops(mode: int) -> None:
    account = netting({}, mode)
    sent(account, order(BUY, sl=1.05, tp=1.2))
    sent(account, order(BUY, sl=1.06))
    assert (only(account).sl, only(account).tp) == (1.06, 1.2)


@each_mode
def test_turned_around_it_binds_and_owes_what_the_new_side_does(mode: int) -> None:
    account = netting({"EURUSD": [(DAY_MS, 1.1011)]}, mode)
    sent(account, order(BUY))
    account.advance(START_MS + DAY_MS)
    sent(account, order(SELL, volume=1.5))
    assert account.ledger.deals[-1].swap == -7.2
    assert only(account).swap == 0.0
    assert account.worth().margin == 550.55


@each_mode
def test_what_is_checked_is_netted_too(mode: int) -> None:
    account = netting({}, mode)
    sent(account, order(BUY))
    assert checked(account, order(SELL, volume=0.4)).margin == 660.06


@each_mode
def test_where_only_closing_is_allowed_a_deal_may_take_away(mode: int) -> None:
    account = netting({}, mode)
    sent(account, order(BUY))
    symbols = account.market.symbols
    symbols["EURUSD"] = replace(symbols["EURUSD"], trade_mode=mt5.SYMBOL_TRADE_MODE_CLOSEONLY)
    codes = [account.send(order(side, volume=lots)).retcode for side, lots in TRIES]
    assert codes == [mt5.TRADE_RETCODE_CLOSE_ONLY] * 2 + [mt5.TRADE_RETCODE_DONE]


TRIES = [(BUY, 0.1), (SELL, 1.1), (SELL, 1.0)]


@each_mode
def test_the_volume_limit_is_of_the_net(mode: int) -> None:
    account = desk({}, {"volume_limit": 1.0}, margin_mode=mode)
    sent(account, order(BUY))
    sent(account, order(SELL, volume=2.0))
    assert account.send(order(SELL, volume=0.1)).retcode == mt5.TRADE_RETCODE_LIMIT_VOLUME
