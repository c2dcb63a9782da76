"""Everything at once: a slow desk, a thin book, faults of terminal and market, and a kill."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from infra.mt5 import constants as mt5
from infra.mt5.retcodes import RETCODES
from infra.mt5.simulator.broker import Broker
from infra.mt5.simulator.clock import VirtualClock
from infra.mt5.simulator.faults import seeded
from infra.mt5.simulator.settings import AccountSettings, BrokerSettings, MarketSettings
from infra.mt5.simulator.specification import Depth
from infra.mt5.simulator.symbols import SYMBOLS
from infra.mt5.simulator.terminal import simulated_terminal
from infra.mt5.simulator.ticks import Market
from tests.infra.mt5.worlds import HOUR_MS, LOGIN, START_MS

EXCHANGE = mt5.SYMBOL_TRADE_EXECUTION_EXCHANGE
NETTING = mt5.ACCOUNT_MARGIN_MODE_RETAIL_NETTING
TERMS = AccountSettings(
    way_ms=20,
    way_jitter_ms=60,
    desk_ms=30,
    desk_jitter_ms=400,
    answer_wait_ms=300,
    requests_per_s_max=5,
)
MARKET = MarketSettings(
    symbols=tuple(
        replace(s, execution=EXCHANGE, depth=Depth(levels=3, lots=0.4)) for s in SYMBOLS[:2]
    ),
    mishaps_per_day=15.0,
)


@pytest.mark.thorough
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("margin_mode", [mt5.ACCOUNT_MARGIN_MODE_RETAIL_HEDGING, NETTING])
def test_after_a_rough_hour_the_book_is_what_the_journal_says(
    tmp_path: Path, seed: int, margin_mode: int
) -> None:
    settings = BrokerSettings(
        logins=(LOGIN,),
        market=replace(MARKET, seed=seed),
        terms=replace(TERMS, margin_mode=margin_mode),
    )
    market, clock = Market(settings.market), VirtualClock(START_MS)
    broker = Broker(settings, clock, tmp_path, market)
    codes = rough_hour(broker, clock, seed)
    clock.advance(HOUR_MS)
    broker.advance()
    book = broker.accounts[LOGIN].ledger
    broker.close()

    assert {mt5.TRADE_RETCODE_DONE, mt5.TRADE_RETCODE_TIMEOUT, None} < codes
    assert codes - {None} <= set(RETCODES)
    moved = sum(deal.profit + deal.commission + deal.swap for deal in book.deals)
    assert round(moved, 2) == book.balance
    assert book.works == {}
    again = Broker(settings, VirtualClock(clock.now_ms()), tmp_path, market)
    again.advance()
    assert again.accounts[LOGIN].ledger == book
    again.close()


def rough_hour(broker: Broker, clock: VirtualClock, seed: int) -> set[int | None]:
    """Trade for an hour of faults; the codes of all answers, `None` where there was none."""
    broker.inject(LOGIN, seeded(seed, LOGIN, START_MS, START_MS + HOUR_MS, per_hour=120.0))
    terminal, codes, sent = simulated_terminal(broker, LOGIN), set[int | None](), 0
    while clock.now_ms() < START_MS + HOUR_MS:
        clock.advance(4_000)
        tick = terminal.symbol_info_tick("EURUSD") if terminal.positions_get() is not None else None
        if tick is None:
            terminal.initialize()
            continue
        sent += 1
        result = terminal.order_send(
            action=mt5.TRADE_ACTION_DEAL,
            symbol="EURUSD",
            type=sent % 2,
            volume=round(0.1 * (1 + sent % 9), 2),
            type_filling=sent % 3,
            magic=sent,
        )
        codes.add(None if result is None else result.retcode)
    return codes
