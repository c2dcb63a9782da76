"""Whatever the kind of account and of execution: the book adds up, and a replay gives it again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from infra.mt5 import constants as mt5
from infra.mt5.simulator.account import Account
from infra.mt5.simulator.clock import VirtualClock
from infra.mt5.simulator.ledger import Ledger
from infra.mt5.simulator.settings import AccountSettings, BrokerSettings, MarketSettings
from infra.mt5.simulator.specification import Depth
from tests.infra.mt5.scripts import NOTHING, STEPS, Step, play
from tests.infra.mt5.slow_sweep import slow_sweep
from tests.infra.mt5.worlds import HOUR_MS, LOGIN, START_MS, broker_of, settings

THIN = MarketSettings(ticks_per_s=0.02)
LOW: dict[str, Any] = {"deposit": 400.0, "leverage": 500}
MONEY = mt5.ACCOUNT_STOPOUT_MODE_MONEY
NETTING = mt5.ACCOUNT_MARGIN_MODE_RETAIL_NETTING
BY_EXCHANGE: dict[str, Any] = {
    "execution": mt5.SYMBOL_TRADE_EXECUTION_EXCHANGE,
    "depth": Depth(levels=3, lots=0.2),
}
SLOW: dict[str, Any] = {"desk_ms": 40_000, "desk_jitter_ms": 60_000}


def kind(terms: dict[str, Any], symbol: dict[str, Any]) -> BrokerSettings:
    """A broker of a kind, with little money on its accounts so that scripts run out of it."""
    return settings(THIN, AccountSettings(**LOW, **terms), **symbol)


KINDS = {
    "hedging by market": kind(SLOW, {**BY_EXCHANGE, "execution": 2, "slippage_points": 3}),
    "hedging by exchange": kind(SLOW, BY_EXCHANGE),
    "hedging by request": kind(SLOW, {"execution": 0}),
    "hedging, answered late": kind({**SLOW, "answer_wait_ms": 500}, {}),
    "netting": kind({"margin_mode": NETTING}, {}),
    "netting by exchange": kind({"margin_mode": NETTING, **SLOW}, BY_EXCHANGE),
    "netting, stopped out in money": kind(
        {"margin_mode": NETTING, "stop_out_mode": MONEY, "stop_out": 120.0, "margin_call": 150.0},
        {"swap_triple_day": 4},
    ),
    "swap by interest": kind({}, {"swap_mode": mt5.SYMBOL_SWAP_MODE_INTEREST_CURRENT}),
    "exchange": kind({"margin_mode": mt5.ACCOUNT_MARGIN_MODE_EXCHANGE, **SLOW}, BY_EXCHANGE),
}
FILLINGS = st.sampled_from([mt5.ORDER_FILLING_FOK, mt5.ORDER_FILLING_IOC, mt5.ORDER_FILLING_RETURN])
each_kind = pytest.mark.parametrize("name", KINDS)
some_scripts: Callable[..., Any] = given(steps=STEPS, filling=FILLINGS)


def played(
    given: BrokerSettings,
    steps: list[Step],
    filling: int,
    looking: bool,
    folder: Path | None = None,
) -> Account:
    """A script on the first account; two hours later, whatever was queued has been dealt."""
    clock = VirtualClock(START_MS)
    broker = broker_of(given, clock, folder)
    with patch("tests.infra.mt5.scripts.NOTHING", NOTHING._replace(type_filling=filling)):
        play(broker, clock, steps, looking)
    clock.advance(2 * HOUR_MS)
    broker.advance()
    broker.close()
    return broker.accounts[LOGIN]


@pytest.mark.thorough
@each_kind
@hypothesis(max_examples=12, deadline=None)
@some_scripts
def test_the_book_adds_up(name: str, steps: list[Step], filling: int) -> None:
    ledger = played(KINDS[name], steps, filling, True).ledger
    moved = sum(deal.profit + deal.commission + deal.swap + deal.fee for deal in ledger.deals)
    assert round(moved, 2) == ledger.balance
    assert lots_of_deals(ledger) == lots_of_positions(ledger)
    dealt: dict[int, float] = defaultdict(float)
    for deal in ledger.deals[1:]:
        dealt[deal.order] = round(dealt[deal.order] + deal.volume, 8)
    for order in ledger.done:
        assert round(order.volume_initial - order.volume_current, 8) == dealt[order.ticket]
        assert (order.state == mt5.ORDER_STATE_FILLED) == (order.volume_current == 0.0)
    if not ledger.terms.hedges:
        held = [position.symbol for position in ledger.positions.values()]
        assert len(held) == len(set(held))


@pytest.mark.thorough
@each_kind
@hypothesis(max_examples=12, deadline=None)
@some_scripts
def test_the_fast_sweep_does_what_the_slow_one_does(
    name: str, steps: list[Step], filling: int
) -> None:
    fast = played(KINDS[name], steps, filling, True).ledger
    with patch("infra.mt5.simulator.account.sweep", slow_sweep):
        assert played(KINDS[name], steps, filling, False).ledger == fast


@pytest.mark.thorough
@each_kind
@hypothesis(max_examples=8, deadline=None)
@some_scripts
def test_a_broker_that_starts_again_has_the_same_book(
    name: str, tmp_path_factory: pytest.TempPathFactory, steps: list[Step], filling: int
) -> None:
    folder = tmp_path_factory.mktemp("venue")
    before = played(KINDS[name], steps, filling, False, folder).ledger
    again = broker_of(KINDS[name], VirtualClock(before.now_ms), folder)
    again.advance()
    again.close()
    assert again.accounts[LOGIN].ledger == before


def lots_of_deals(ledger: Ledger) -> dict[str, float]:
    """Per symbol, the lots bought less the lots sold."""
    lots: dict[str, float] = defaultdict(float)
    for deal in ledger.deals[1:]:
        lots[deal.symbol] += deal.volume if deal.type == mt5.DEAL_TYPE_BUY else -deal.volume
    return {name: round(net, 8) for name, net in lots.items() if round(net, 8)}


def lots_of_positions(ledger: Ledger) -> dict[str, float]:
    """Per symbol, the lots held long less the lots held short."""
    lots: dict[str, float] = defaultdict(float)
    for position in ledger.positions.values():
        buys = position.side == mt5.ORDER_TYPE_BUY
        lots[position.symbol] += position.volume if buys else -position.volume
    return {name: round(net, 8) for name, net in lots.items() if round(net, 8)}
