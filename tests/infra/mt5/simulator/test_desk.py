"""Requests that take their time: what is seen meanwhile, and what a restart makes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from infra.mt5 import constants as mt5
from infra.mt5.simulator.account import Act
from infra.mt5.simulator.broker import Broker
from infra.mt5.simulator.clock import VirtualClock
from infra.mt5.simulator.faults import FaultRule
from infra.mt5.simulator.settings import AccountSettings, BrokerSettings
from infra.mt5.simulator.terminal import simulated_terminal
from tests.infra.mt5.simulator.causes import change, remove
from tests.infra.mt5.simulator.hand import BUY, FIRST, SELL, floor, hand_made, order, waiting
from tests.infra.mt5.worlds import EVER, LOGIN, START_MS

SLOW: dict[str, Any] = {"desk_ms": 3_000, "answer_wait_ms": 1_000}


def test_a_deal_after_a_timeout_is_found_later() -> None:
    """The case that loses money: who believes the answer deals twice."""
    made = floor({"EURUSD": [(2_500, 1.15)]}, **SLOW)
    result = made.send(order(BUY, magic=7))
    assert (result.retcode, result.order, result.deal) == (mt5.TRADE_RETCODE_TIMEOUT, 0, 0)
    (begun,) = made.terminal.orders_get() or ()
    assert (begun.state, begun.magic) == (mt5.ORDER_STATE_STARTED, 7)
    assert made.terminal.history_deals_total(*EVER) == 1
    made.clock.advance(2_000)
    (deal,) = (made.terminal.history_deals_get(*EVER) or ())[1:]
    assert (deal.order, deal.magic, deal.time_msc) == (begun.ticket, 7, START_MS + 3_000)
    assert deal.price == 1.1501
    assert made.terminal.orders_get() == ()


def test_what_the_desk_refuses_at_last_is_rejected_in_the_history() -> None:
    made = floor({"EURUSD": [(2_500, 1.2)]}, **SLOW)
    assert made.code(order(BUY, deviation=10)) == mt5.TRADE_RETCODE_TIMEOUT
    made.clock.advance(2_000)
    (done,) = made.terminal.history_orders_get(*EVER) or ()
    assert (done.state, done.time_done_msc) == (mt5.ORDER_STATE_REJECTED, START_MS + 3_000)
    assert made.terminal.history_deals_total(*EVER) == 1


def test_the_price_may_move_while_the_desk_is_at_it() -> None:
    made = floor({"EURUSD": [(500, 1.2)]}, desk_ms=1_000)
    assert made.code(order(BUY, deviation=10)) == mt5.TRADE_RETCODE_REQUOTE
    assert made.clock.now_ms() == START_MS + 1_000


def test_a_position_of_the_desk_keeps_what_ticks_before_it_would_have_touched() -> None:
    """The low at 10 was before the deal at 1,000: it stops nothing."""
    made = floor({"EURUSD": [(10, 1.04), (20, 1.1)]}, desk_ms=1_000)
    made.done(order(BUY, sl=1.05))
    made.clock.advance(5_000)
    assert made.terminal.positions_total() == 1


def test_a_request_may_be_taken_back_only_while_it_is_in_work() -> None:
    made = floor(desk_ms=1_000)
    ticket = made.account.ledger.next_order
    made.account.others(Act(START_MS + 1_500, remove(ticket)))
    made.done(order(BUY))
    made.clock.advance(1_000)
    assert made.terminal.positions_total() == 1


def test_two_closes_that_fit_together_may_be_in_work() -> None:
    made = floor(**SLOW)
    made.send(order(BUY))
    made.clock.advance(3_000)
    (position,) = made.terminal.positions_get() or ()
    for _ in range(2):
        made.send(order(SELL, volume=0.5, position=position.ticket))
    made.clock.advance(5_000)
    assert made.terminal.positions_total() == 0


@pytest.mark.parametrize("way_ms", [0, 40])
def test_a_request_travels_both_ways(way_ms: int) -> None:
    made = floor(way_ms=way_ms)
    made.done(order(BUY))
    assert made.clock.now_ms() == START_MS + 2 * way_ms
    (position,) = made.terminal.positions_get() or ()
    assert position.time_msc == START_MS + way_ms


def test_jitter_is_the_seeds() -> None:
    def times() -> list[int]:
        made = floor(way_ms=10, way_jitter_ms=50, desk_ms=20, desk_jitter_ms=100)
        for _ in range(6):
            made.done(order(BUY, volume=0.01))
        return [position.time_msc for position in made.terminal.positions_get() or ()]

    assert times() == times()
    moves = [later - sooner for sooner, later in zip(times(), times()[1:], strict=False)]
    assert len(set(moves)) > 3
    assert all(40 <= move <= 240 for move in moves)


def test_a_kill_between_answer_and_deal_loses_nothing(tmp_path: Path) -> None:
    market = hand_made({**FIRST, "EURUSD": [(0, 1.1), (5_000, 1.0899)]})
    terms = AccountSettings(**SLOW)
    settings = BrokerSettings(logins=(LOGIN,), market=market.settings, terms=terms)

    def opened(at_ms: int) -> Broker:
        return Broker(settings, VirtualClock(START_MS + at_ms), tmp_path, market)

    broker = opened(0)
    terminal = simulated_terminal(broker, LOGIN)
    assert terminal.initialize()
    assert broker.accounts[LOGIN].ledger.works == {}
    placed = terminal.order_send(waiting(2, 1.09, comment="mine")._asdict())
    broker.accounts[LOGIN].others(Act(START_MS + 1_500, order(BUY, magic=99)))
    broker.inject(LOGIN, (FaultRule(kind="comment", text="theirs"),))
    answered = terminal.order_send(order(BUY, comment="mine")._asdict())
    assert placed is not None
    assert answered is not None
    assert placed.retcode == answered.retcode == mt5.TRADE_RETCODE_TIMEOUT
    broker.close()
    again = opened(9_000)
    again.advance()
    book = again.accounts[LOGIN].ledger
    found = sorted((p.opened_ms - START_MS, p.magic, p.comment) for p in book.positions.values())
    assert found == [(1_500, 99, ""), (4_000, 0, "theirs"), (5_000, 0, "mine")]
    hand = next(p for p in book.positions.values() if p.magic == 99)
    assert hand.reason == mt5.ORDER_REASON_CLIENT
    again.close()
    once_more = opened(9_000)
    once_more.advance()
    assert once_more.accounts[LOGIN].ledger == book
    once_more.close()


def test_an_order_that_fills_is_no_longer_changed() -> None:
    made = floor({"EURUSD": [(5_000, 1.0899)]}, **SLOW)
    made.send(waiting(2, 1.09))
    made.clock.advance(3_000)
    (waits,) = made.terminal.orders_get() or ()
    made.send(change(waits.ticket, 1.08))
    made.clock.advance(5_000)
    (position,) = made.terminal.positions_get() or ()
    assert position.price_open == 1.09


def test_an_order_that_has_become_another_is_not_changed() -> None:
    """The stop of a stop-limit order is touched while the desk is about to move it."""
    made = floor({"EURUSD": [(5_000, 1.12)]}, desk_ms=1_000)
    ticket = made.done(waiting(mt5.ORDER_TYPE_BUY_STOP_LIMIT, 1.11, stoplimit=1.105))
    made.clock.advance(3_500)
    moved = change(ticket, 1.115)._replace(stoplimit=1.105)
    assert made.code(moved) == mt5.TRADE_RETCODE_ORDER_CHANGED
    (waits,) = made.terminal.orders_get() or ()
    assert (waits.type, waits.price_open) == (mt5.ORDER_TYPE_BUY_LIMIT, 1.105)
