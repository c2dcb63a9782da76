"""What each single tick does, on prices written by hand."""

from __future__ import annotations

import pytest

from infra.mt5 import constants as mt5
from infra.mt5.simulator.expiry import DAY_MS
from tests.infra.mt5.simulator.hand import BUY, SELL, desk, exits, order, sent, waiting
from tests.infra.mt5.worlds import START_MS


def test_neighbouring_ticks_each_hit_their_stop() -> None:
    account = desk({"EURUSD": [(10, 1.0950), (20, 1.0940), (30, 1.2)]})
    one = sent(account, order(BUY, sl=1.0950))
    two = sent(account, order(BUY, sl=1.0940))
    account.advance(START_MS + 25)
    assert exits(account) == [
        (one, 10, 1.0950, mt5.DEAL_REASON_SL),
        (two, 20, 1.0940, mt5.DEAL_REASON_SL),
    ]


def test_a_gap_through_the_stop_is_the_traders() -> None:
    account = desk({"EURUSD": [(10, 1.0800)]})
    one = sent(account, order(BUY, sl=1.0950))
    account.advance(START_MS + 10)
    assert exits(account) == [(one, 10, 1.0800, mt5.DEAL_REASON_SL)]


def test_ticks_of_one_millisecond_come_one_after_the_other() -> None:
    account = desk({"EURUSD": [(10, 1.0949), (10, 1.2)]})
    one = sent(account, order(BUY, sl=1.0950, tp=1.15))
    account.advance(START_MS + 10)
    assert exits(account) == [(one, 10, 1.0949, mt5.DEAL_REASON_SL)]


def test_a_short_position_leaves_at_the_ask() -> None:
    account = desk({"EURUSD": [(10, 1.10489), (20, 1.10490), (30, 1.0899), (40, 1.0898)]})
    lost = sent(account, order(SELL, sl=1.10500))
    won = sent(account, order(SELL, tp=1.08990))
    account.advance(START_MS + 50)
    assert exits(account) == [
        (lost, 20, 1.10500, mt5.DEAL_REASON_SL),
        (won, 40, 1.08990, mt5.DEAL_REASON_TP),
    ]


def test_a_tick_comes_before_a_request_of_its_millisecond() -> None:
    account = desk({"EURUSD": [(10, 1.0949), (11, 1.0948)]})
    one = sent(account, order(BUY, sl=1.0950))
    account.advance(START_MS + 10)
    late = account.send(order(SELL, position=one))
    assert late.retcode == mt5.TRADE_RETCODE_POSITION_CLOSED
    two = sent(account, order(SELL, price=1.0949, sl=1.0961))
    account.advance(START_MS + 11)
    assert list(account.ledger.positions) == [two]


def test_a_limit_to_buy_waits_for_the_ask() -> None:
    account = desk({"EURUSD": [(10, 1.09500), (20, 1.09490), (30, 1.0940)]})
    ticket = sent(account, waiting(mt5.ORDER_TYPE_BUY_LIMIT, 1.09500))
    sent(account, order(BUY, sl=1.09500))  # so that the first tick touches something
    account.advance(START_MS + 15)
    assert list(account.ledger.orders) == [ticket]
    account.advance(START_MS + 35)
    assert account.ledger.positions[ticket].price_open == 1.09500
    assert account.ledger.positions[ticket].opened_ms == START_MS + 20


@pytest.mark.parametrize(
    ("kind", "price", "at", "filled"),
    [
        (mt5.ORDER_TYPE_SELL_LIMIT, 1.10505, 20, 1.10510),
        (mt5.ORDER_TYPE_BUY_STOP, 1.10510, 10, 1.10510),
        (mt5.ORDER_TYPE_SELL_STOP, 1.09500, 30, 1.09400),
        (mt5.ORDER_TYPE_BUY_LIMIT, 1.09500, 30, 1.09410),
    ],
)
def test_orders_fill_at_the_price_of_the_tick(
    kind: int, price: float, at: int, filled: float
) -> None:
    account = desk({"EURUSD": [(10, 1.10500), (20, 1.10510), (30, 1.09400)]})
    ticket = sent(account, waiting(kind, price))
    account.advance(START_MS + 40)
    position = account.ledger.positions[ticket]
    assert (position.opened_ms - START_MS, position.price_open) == (at, filled)


@pytest.mark.parametrize(
    ("kind", "stop", "limit", "bids", "filled"),
    [
        (mt5.ORDER_TYPE_BUY_STOP_LIMIT, 1.11, 1.105, [1.11, 1.106, 1.1045], (30, 1.1046)),
        (mt5.ORDER_TYPE_SELL_STOP_LIMIT, 1.09, 1.095, [1.09, 1.094, 1.0955], (30, 1.0955)),
    ],
)
def test_a_stop_limit_order_waits_twice(
    kind: int, stop: float, limit: float, bids: list[float], filled: tuple[int, float]
) -> None:
    tape = [(10 * nth, bid) for nth, bid in enumerate(bids, start=1)]
    account = desk({"EURUSD": tape})
    ticket = sent(account, waiting(kind, stop, stoplimit=limit))
    account.advance(START_MS + 10)
    assert (account.ledger.orders[ticket].type, account.ledger.orders[ticket].price) == (
        kind - 4,
        limit,
    )
    account.advance(START_MS + 40)
    position = account.ledger.positions[ticket]
    assert (position.opened_ms - START_MS, position.price_open) == filled


def test_an_order_is_dead_at_the_moment_it_expires() -> None:
    account = desk({"EURUSD": [(5000, 1.05)]})
    until = {"type_time": mt5.ORDER_TIME_SPECIFIED, "expiration": START_MS // 1000 + 5}
    sent(account, waiting(mt5.ORDER_TYPE_BUY_LIMIT, 1.09, **until))
    account.advance(START_MS + 6000)
    assert account.ledger.positions == {}
    assert account.ledger.done[-1].state == mt5.ORDER_STATE_EXPIRED


def test_an_order_without_money_behind_it_is_rejected_when_it_is_touched() -> None:
    account = desk({"EURUSD": [(10, 1.0899)]}, deposit=1_500.0)
    sent(account, order(BUY, volume=0.9))
    ticket = sent(account, waiting(mt5.ORDER_TYPE_BUY_LIMIT, 1.09))
    account.advance(START_MS + 10)
    done = account.ledger.done_order(ticket)
    assert done is not None
    assert (done.state, done.comment) == (mt5.ORDER_STATE_REJECTED, "[no money]")


def test_stop_out_comes_at_the_first_tick_that_reaches_it() -> None:
    """One lot needs 1,100.10 at 1.10010: at half of it the position is closed."""
    enough, too_little = 1.10010 - 0.00946, 1.10010 - 0.00948  # of 1,500 less 3.50 commission
    tape = [(10, 1.1), (20, round(enough, 5)), (30, round(too_little, 5)), (40, 1.0)]
    account = desk({"EURUSD": tape}, deposit=1_500.0)
    one = sent(account, order(BUY))
    account.advance(START_MS + 45)
    assert exits(account) == [(one, 30, round(too_little, 5), mt5.DEAL_REASON_SO)]


def test_a_stop_loss_may_save_the_others_from_stop_out() -> None:
    """Equity falls to 1,016 of 2,950 bound; the stop loss, executed first, frees 1,650."""
    account = desk({"EURUSD": [(10, 1.0850)], "GBPUSD": [(10, 1.3)]}, deposit=3_300.0)
    saved = sent(account, order(BUY, symbol="GBPUSD", price=1.3001))
    sent(account, order(BUY, sl=1.0950, volume=1.5))
    account.advance(START_MS + 10)
    assert [reason for *_, reason in exits(account)] == [mt5.DEAL_REASON_SL]
    assert list(account.ledger.positions) == [saved]


def test_the_night_is_paid_before_the_first_tick_of_the_day() -> None:
    midnight = DAY_MS - START_MS % DAY_MS
    account = desk({"EURUSD": [(midnight, 1.0949)]})
    sent(account, order(BUY, sl=1.0950))
    account.advance(START_MS + midnight)
    assert account.ledger.deals[-1].swap == -7.2


def test_a_part_takes_its_part_of_the_swap() -> None:
    midnight = DAY_MS - START_MS % DAY_MS
    account = desk({"EURUSD": [(midnight, 1.1)]})
    one = sent(account, order(BUY))
    account.advance(START_MS + midnight)
    sent(account, order(SELL, position=one, volume=0.25))
    assert account.ledger.deals[-1].swap == -1.8
    assert account.ledger.positions[one].swap == -5.4


def test_the_last_price_of_each_symbol_counts_towards_stop_out() -> None:
    """The pound fell before the event at 10; the euro's tick at 20 is the last straw."""
    tape = {"GBPUSD": [(5, 1.2860)], "EURUSD": [(10, 1.0999), (20, 1.0969)]}
    account = desk(tape, deposit=2_900.0)
    pound = sent(account, order(BUY, symbol="GBPUSD", price=1.3001))
    sent(account, order(BUY))
    sent(account, order(BUY, volume=0.01, sl=1.0999))
    account.advance(START_MS + 30)
    assert [(position, at) for position, at, *_ in exits(account)][1:] == [(pound, 20)]


@pytest.mark.parametrize(
    ("deviation", "code"),
    [(20, mt5.TRADE_RETCODE_DONE), (19, mt5.TRADE_RETCODE_REQUOTE)],
)
def test_the_price_may_move_by_the_deviation(deviation: int, code: int) -> None:
    account = desk({})
    assert account.send(order(BUY, price=1.0999, deviation=deviation)).retcode == code


def test_both_ends_of_a_range_of_history_are_inside() -> None:
    account = desk({})
    account.advance(START_MS + 5_999)
    ticket = sent(account, order(BUY))
    second = START_MS // 1000 + 5
    assert [deal.order for deal in account.ledger.deals_between(second, second)] == [ticket]
    assert [done.ticket for done in account.ledger.done_between(second, second)] == [ticket]
    assert account.ledger.deals_between(second - 1, second - 1) == []
