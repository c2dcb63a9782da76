"""The book adds up whatever is traded, and does not depend on who looks at it when."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.mt5 import constants as mt5
from infra.mt5.simulator.account import Account
from infra.mt5.simulator.clock import VirtualClock
from infra.mt5.simulator.ledger import Ledger
from infra.mt5.simulator.settings import AccountSettings, MarketSettings
from infra.mt5.simulator.specification import Depth
from infra.mt5.simulator.symbols import SYMBOLS
from tests.infra.mt5 import worlds
from tests.infra.mt5.scripts import STEPS, Step, play
from tests.infra.mt5.slow_sweep import slow_sweep
from tests.infra.mt5.worlds import START_MS

LOW = AccountSettings(deposit=400.0, leverage=500)  # so that scripts run out of money
SPARSE = MarketSettings(ticks_per_s=0.2)
THIN = MarketSettings(ticks_per_s=0.02)
DEPOSITS = st.sampled_from([LOW, AccountSettings()])
NETS: dict[str, Any] = {"margin_mode": mt5.ACCOUNT_MARGIN_MODE_RETAIL_NETTING}
MONEY: dict[str, Any] = {"stop_out_mode": mt5.ACCOUNT_STOPOUT_MODE_MONEY, "stop_out": 300.0}
TERMS = st.sampled_from(
    [
        LOW,
        AccountSettings(),
        replace(LOW, **NETS),
        AccountSettings(**NETS),
        replace(LOW, **MONEY),
        replace(LOW, desk_ms=40 * 60_000),
        AccountSettings(desk_ms=1, **NETS),
    ]
)
CROSS = replace(
    THIN,
    symbols=tuple(replace(s, profit="GBP") if s.name == "AUDUSD" else s for s in SYMBOLS),
)
"""A symbol whose profit the pound's quotes convert."""
BOOKED = replace(
    SPARSE,
    symbols=tuple(
        replace(s, execution=mt5.SYMBOL_TRADE_EXECUTION_EXCHANGE, depth=Depth(levels=3, lots=0.1))
        for s in SYMBOLS
    ),
)
"""Everything is dealt through books that hold less than scripts ask for."""


def played(
    terms: AccountSettings, steps: list[Step], looking: bool, market: MarketSettings = SPARSE
) -> Account:
    clock = VirtualClock(START_MS)
    return play(worlds.broker_of(worlds.settings(market, terms), clock), clock, steps, looking)


@pytest.mark.thorough
@settings(max_examples=50, deadline=None)
@given(TERMS, st.sampled_from([SPARSE, CROSS, BOOKED]), STEPS)
def test_looking_changes_nothing(
    terms: AccountSettings, market: MarketSettings, steps: list[Step]
) -> None:
    looked, left_alone = (played(terms, steps, looking, market) for looking in (True, False))
    assert looked.ledger == left_alone.ledger


@pytest.mark.thorough
@settings(max_examples=60, deadline=None)
@given(TERMS, st.sampled_from([THIN, CROSS, replace(BOOKED, ticks_per_s=0.02)]), STEPS)
def test_the_fast_sweep_does_what_the_slow_one_does(
    terms: AccountSettings, market: MarketSettings, steps: list[Step]
) -> None:
    fast = played(terms, steps, True, market).ledger
    with patch("infra.mt5.simulator.account.sweep", slow_sweep):
        assert played(terms, steps, False, market).ledger == fast


@pytest.mark.thorough
@settings(max_examples=50, deadline=None)
@given(DEPOSITS, st.sampled_from([SPARSE, BOOKED]), STEPS)
def test_the_book_adds_up(
    terms: AccountSettings, market: MarketSettings, steps: list[Step]
) -> None:
    ledger = played(terms, steps, True, market).ledger
    moved = sum(deal.profit + deal.commission + deal.swap + deal.fee for deal in ledger.deals)
    assert round(moved, 2) == ledger.balance
    assert ledger.deals[0].profit == terms.deposit
    assert open_lots(ledger) == {p.ticket: p.volume for p in ledger.positions.values()}
    times = [deal.time_msc for deal in ledger.deals]
    assert times == sorted(times)
    tickets = [deal.ticket for deal in ledger.deals]
    assert tickets == sorted(set(tickets))
    done = {order.ticket for order in ledger.done}
    assert {deal.order for deal in ledger.deals} - {0} <= done | set(ledger.orders)
    assert not done & set(ledger.orders)


@pytest.mark.thorough
@settings(max_examples=50, deadline=None)
@given(STEPS)
def test_volumes_stay_on_the_step_and_inside_the_limits(steps: list[Step]) -> None:
    account = played(AccountSettings(), steps, False)
    for deal in account.ledger.deals[1:]:
        symbol = account.market.symbols[deal.symbol]
        assert 0 < deal.volume <= symbol.volume_max
        assert round(deal.volume / symbol.volume_step, 6) == round(deal.volume / symbol.volume_step)
        assert deal.price == symbol.rounded(deal.price)


def open_lots(ledger: Ledger) -> dict[int, float]:
    """The positions, folded from the deals."""
    lots: dict[int, float] = defaultdict(float)
    for deal in ledger.deals[1:]:
        sign = 1 if deal.entry == mt5.DEAL_ENTRY_IN else -1
        lots[deal.position_id] = round(lots[deal.position_id] + sign * deal.volume, 8)
    return {position: volume for position, volume in lots.items() if volume}
