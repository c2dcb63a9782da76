"""Netting, exchange and hedging accounts: what a deal does to what is there."""

from __future__ import annotations

from typing import Any

import pytest

from infra.mt5 import constants as mt5
from infra.mt5.simulator.account import Account
from infra.mt5.simulator.expiry import DAY_MS
from infra.mt5.simulator.views import account_info, positions
from tests.infra.mt5.simulator.hand import (
    BUY,
    SELL,
    dealt,
    desk,
    euro,
    exits,
    order,
    refused,
    sent,
    waiting,
)
from tests.infra.mt5.worlds import START_MS

NETTING = mt5.ACCOUNT_MARGIN_MODE_RETAIL_NETTING
EXCHANGE = mt5.ACCOUNT_MARGIN_MODE_EXCHANGE
IN, OUT, INOUT = mt5.DEAL_ENTRY_IN, mt5.DEAL_ENTRY_OUT, mt5.DEAL_ENTRY_INOUT
FREE: dict[str, Any] = {"commission_per_lot": 0.0}


def netting(tape: dict[str, list[tuple[int, float]]] | None = None, **terms: Any) -> Account:
    return desk(tape or {}, margin_mode=NETTING, **{**FREE, **terms})


@pytest.mark.parametrize("mode", [NETTING, EXCHANGE])
def test_deals_of_one_direction_become_one_position_at_the_mean_price(mode: int) -> None:
    account = desk({"EURUSD": [(10, 1.2)]}, margin_mode=mode)
    first = sent(account, order(BUY, volume=1.0))
    account.advance(START_MS + 10)
    sent(account, order(BUY, volume=3.0, price=1.2))
    (position,) = positions(account)
    assert (position.ticket, position.identifier, position.volume) == (first, first, 4.0)
    assert position.price_open == pytest.approx((1.1001 + 3 * 1.2001) / 4)
    assert [(d.entry, d.position_id) for d in dealt(account)] == [(IN, first), (IN, first)]
    assert account_info(account).margin_mode == mode


def test_an_opposite_deal_closes_a_part_of_a_netted_position() -> None:
    account = netting({"EURUSD": [(10, 1.2)]})
    one = sent(account, order(BUY, volume=3.0))
    account.advance(START_MS + 10)
    sent(account, order(SELL, volume=1.0, price=1.2))
    (position,) = positions(account)
    assert (position.ticket, position.volume, position.price_open) == (one, 2.0, 1.1001)
    out = dealt(account)[-1]
    assert (out.entry, out.position_id, out.profit) == (OUT, one, 9990.0)
    sent(account, order(SELL, volume=2.0, price=1.2))
    assert positions(account) == ()


def test_an_opposite_deal_that_is_larger_turns_the_position_round() -> None:
    account = netting({"EURUSD": [(10, 1.2)]})
    one = sent(account, order(BUY, volume=1.0, sl=1.05, magic=1))
    account.advance(START_MS + 10)
    two = sent(account, order(SELL, volume=3.0, price=1.2, tp=1.15, magic=2))
    (position,) = positions(account)
    assert (position.ticket, position.identifier) == (two, one)
    assert (position.type, position.volume, position.price_open) == (SELL, 2.0, 1.2)
    assert (position.sl, position.tp, position.magic) == (0.0, 1.15, 2)
    (_, turned) = dealt(account)
    assert (turned.entry, turned.volume, turned.profit) == (INOUT, 3.0, 9990.0)
    assert turned.position_id == one
    assert account.ledger.balance == 109_990.0
    found = account.ledger.done_of_position(one)
    assert [done.ticket for done in found] == [one, two]


def test_the_margin_of_a_netting_account_is_that_of_what_is_left() -> None:
    account = netting(deposit=1_200.0)
    sent(account, order(BUY))
    assert account.worth().margin == 1_100.1
    assert refused(account, order(BUY, volume=0.5)) == mt5.TRADE_RETCODE_NO_MONEY
    sent(account, order(SELL, volume=1.5))
    assert account.worth().margin == pytest.approx(550.0)


def test_a_close_is_never_refused_for_lack_of_money() -> None:
    account = netting({"EURUSD": [(10, 1.0948)]}, deposit=1_200.0)
    sent(account, order(BUY))
    account.advance(START_MS + 10)
    assert account.worth().free < 0.0
    sent(account, order(SELL, volume=0.4, price=1.0948))
    assert positions(account)[0].volume == 0.6


def test_a_pending_order_reduces_a_netted_position() -> None:
    account = netting({"EURUSD": [(10, 1.2)]})
    one = sent(account, order(BUY))
    sent(account, waiting(mt5.ORDER_TYPE_SELL_LIMIT, 1.15, volume=0.4))
    account.advance(START_MS + 10)
    assert exits(account) == [(one, 10, 1.2, mt5.DEAL_REASON_EXPERT)]
    assert account.ledger.positions[one].volume == 0.6


def test_stops_of_a_netted_position_are_found_by_its_symbol() -> None:
    account = netting({"EURUSD": [(10, 1.04)]})
    one = sent(account, order(BUY))
    sent(account, order(BUY, action=mt5.TRADE_ACTION_SLTP, sl=1.05))
    account.advance(START_MS + 10)
    assert exits(account) == [(one, 10, 1.04, mt5.DEAL_REASON_SL)]


@pytest.mark.parametrize("mode", [NETTING, EXCHANGE])
def test_positions_of_a_netting_account_cannot_close_each_other(mode: int) -> None:
    account = desk({}, margin_mode=mode)
    one = sent(account, order(BUY))
    by = order(BUY, action=mt5.TRADE_ACTION_CLOSE_BY, position=one, position_by=one)
    assert refused(account, by) == mt5.TRADE_RETCODE_INVALID_ORDER


def test_what_closes_another_names_both() -> None:
    account = desk({}, **FREE)
    long, short = sent(account, order(BUY, volume=0.5)), sent(account, order(SELL, volume=0.2))
    by = order(BUY, action=mt5.TRADE_ACTION_CLOSE_BY, position=long, position_by=short)
    ticket = sent(account, by)
    one, two = dealt(account)[2:]
    assert [(d.type, d.position_id, d.entry, d.volume) for d in (one, two)] == [
        (SELL, long, mt5.DEAL_ENTRY_OUT_BY, 0.2),
        (BUY, short, mt5.DEAL_ENTRY_OUT_BY, 0.2),
    ]
    done = account.ledger.done_order(ticket)
    assert done is not None
    assert (done.type, done.position_id, done.position_by_id) == (
        mt5.ORDER_TYPE_CLOSE_BY,
        long,
        short,
    )
    assert (one.profit, two.profit) == (-2.0, 0.0)
    for position in (long, short):
        assert ticket in [done.ticket for done in account.ledger.done_of_position(position)]
    assert account.ledger.deals_of_order(ticket) == [one, two]


def test_stop_out_may_be_an_amount_of_money() -> None:
    money = mt5.ACCOUNT_STOPOUT_MODE_MONEY
    tape = {"EURUSD": [(10, 1.0952), (20, 1.0951), (30, 1.0950)]}
    account = desk(
        tape, deposit=1_500.0, stop_out_mode=money, stop_out=1_000.0, margin_call=1_200.0, **FREE
    )
    one = sent(account, order(BUY))
    account.advance(START_MS + 40)
    assert exits(account) == [(one, 20, 1.0951, mt5.DEAL_REASON_SO)]
    info = account_info(account)
    assert (info.margin_so_mode, info.margin_so_call, info.margin_so_so) == (money, 1200.0, 1000.0)


def test_credit_carries_positions_but_is_no_balance() -> None:
    account = desk({}, deposit=500.0, credit=700.0, **FREE)
    sent(account, order(BUY))
    info = account_info(account)
    assert (info.balance, info.credit, info.equity) == (500.0, 700.0, 1_190.0)


def test_first_in_first_out() -> None:
    account = desk({}, fifo_close=True)
    old, new = sent(account, order(BUY)), sent(account, order(BUY))
    assert refused(account, order(SELL, position=new)) == mt5.TRADE_RETCODE_FIFO_CLOSE
    sent(account, order(SELL, position=old))
    sent(account, order(SELL, position=new))


def test_where_hedging_is_prohibited_nothing_is_opened_against_a_position() -> None:
    account = desk({}, hedging_prohibited=True)
    one = sent(account, order(BUY))
    assert refused(account, order(SELL)) == 10046
    sent(account, order(SELL, symbol="GBPUSD", price=1.3))
    sent(account, order(SELL, position=one))


def test_a_volume_limit_counts_what_a_netted_deal_opens() -> None:
    account = desk({}, euro(volume_limit=1.0), margin_mode=NETTING)
    sent(account, order(BUY))
    assert refused(account, order(BUY, volume=0.1)) == mt5.TRADE_RETCODE_LIMIT_VOLUME
    assert refused(account, order(SELL, volume=2.1)) == mt5.TRADE_RETCODE_LIMIT_VOLUME
    sent(account, order(SELL, volume=2.0))


def test_a_night_is_paid_when_a_position_is_turned_round() -> None:
    midnight_ms = DAY_MS - START_MS % DAY_MS
    account = netting()
    sent(account, order(BUY))
    account.advance(START_MS + midnight_ms)
    sent(account, order(SELL, volume=2.0))
    assert dealt(account)[-1].swap == -7.2
    (position,) = positions(account)
    assert position.swap == 0.0


def test_credit_puts_stop_out_off() -> None:
    tape = {"EURUSD": [(10, 1.0950), (20, 1.0849)]}
    account = desk(tape, deposit=500.0, credit=1_000.0, **FREE)
    one = sent(account, order(BUY))
    account.advance(START_MS + 30)
    assert [(position, at) for position, at, *_ in exits(account)] == [(one, 20)]


def test_a_pending_order_that_only_closes_needs_no_money() -> None:
    account = netting({"EURUSD": [(10, 1.0945)]}, deposit=1_200.0)
    one = sent(account, order(BUY))
    sent(account, waiting(mt5.ORDER_TYPE_SELL_STOP, 1.0950, volume=0.4))
    account.advance(START_MS + 10)
    assert account.worth().free < 0.0
    assert account.ledger.positions[one].volume == 0.6


def test_more_of_a_netted_position_is_no_further_position() -> None:
    account = netting(positions_max=1)
    sent(account, order(BUY))
    sent(account, order(BUY))
    other = order(BUY, symbol="GBPUSD", price=1.3)
    assert refused(account, other) == mt5.TRADE_RETCODE_LIMIT_POSITIONS


def test_a_symbol_may_not_let_positions_close_each_other() -> None:
    account = desk({}, euro(order_mask=127 - 64))
    long, short = sent(account, order(BUY)), sent(account, order(SELL))
    by = order(BUY, action=mt5.TRADE_ACTION_CLOSE_BY, position=long, position_by=short)
    assert refused(account, by) == mt5.TRADE_RETCODE_INVALID_ORDER
