"""A broker on recorded prices."""

from __future__ import annotations

import numpy as np
import pytest

from infra.mt5 import constants as mt5
from infra.mt5.simulator.bars import Bars
from infra.mt5.simulator.broker import Broker
from infra.mt5.simulator.clock import VirtualClock
from infra.mt5.simulator.mishaps import MarketFault
from infra.mt5.simulator.quotes import Quotes
from infra.mt5.simulator.recorded import RecordedMarket, of_bars, of_ticks
from infra.mt5.simulator.settings import BrokerSettings, MarketSettings
from infra.mt5.simulator.symbols import BY_NAME
from infra.mt5.simulator.terminal import simulated_terminal
from infra.mt5.simulator.ticks import Market
from tests.infra.mt5.worlds import HOUR_MS, LOGIN, START_MS, deal

EURO = MarketSettings(symbols=(BY_NAME["EURUSD"],))
FIRST_S, SPAN_S = START_MS // 1000, 7_200
WHOLE = (FIRST_S, FIRST_S + SPAN_S)
SOURCE = Market(EURO)
TOLD = Quotes(SOURCE, "USD").ticks_range(
    START_MS + 1000 * SPAN_S, "EURUSD", *WHOLE, mt5.COPY_TICKS_ALL
)


def test_recorded_ticks_are_quoted_again() -> None:
    market = RecordedMarket(EURO, {"EURUSD": of_ticks(TOLD)})
    again = Quotes(market, "USD").ticks_range(
        START_MS + 1000 * SPAN_S, "EURUSD", *WHOLE, mt5.COPY_TICKS_ALL
    )
    assert again[["time_msc", "bid", "ask"]].tolist() == TOLD[["time_msc", "bid", "ask"]].tolist()
    assert market.quote("EURUSD", START_MS + HOUR_MS) == SOURCE.quote("EURUSD", START_MS + HOUR_MS)


def test_disorder_in_a_recording_is_put_in_order() -> None:
    shuffled = TOLD[np.random.default_rng(1).permutation(len(TOLD))]
    assert of_ticks(shuffled).time_ms.tolist() == TOLD["time_msc"].tolist()


def test_recorded_bars_make_the_same_bars() -> None:
    bars = Bars(SOURCE).opened_between("EURUSD", 1, *WHOLE, START_MS + 1000 * SPAN_S)[:-1]
    market = RecordedMarket(EURO, {"EURUSD": of_bars(bars, EURO.symbols[0])})
    made = Bars(market).opened_between("EURUSD", 1, *WHOLE, START_MS + 1000 * SPAN_S)
    prices = ["time", "open", "high", "low", "close", "spread"]
    assert made[prices].tolist() == bars[prices].tolist()


def test_an_account_trades_on_recorded_prices() -> None:
    market = RecordedMarket(EURO, {"EURUSD": of_ticks(TOLD)})
    settings = BrokerSettings(logins=(LOGIN,), market=market.settings)
    broker = Broker(settings, VirtualClock(START_MS + HOUR_MS), market=market)
    terminal = simulated_terminal(broker, LOGIN)
    assert terminal.initialize()
    result = terminal.order_send(deal(terminal))
    quote = SOURCE.quote("EURUSD", START_MS + HOUR_MS)
    assert result is not None
    assert quote is not None
    assert (result.retcode, result.price) == (mt5.TRADE_RETCODE_DONE, quote.ask)


def test_faults_spoil_a_recording_too() -> None:
    fault = MarketFault(kind="stalled", from_ms=START_MS, to_ms=START_MS + HOUR_MS)
    spoiled = MarketSettings(symbols=EURO.symbols, faults=(fault,))
    market = RecordedMarket(spoiled, {"EURUSD": of_ticks(TOLD)})
    assert len(market.ticks("EURUSD", START_MS, START_MS + HOUR_MS)) == 0
    assert len(market.ticks("EURUSD", START_MS + HOUR_MS, START_MS + 2 * HOUR_MS)) > 0


def test_the_last_quote_stands_however_long_nobody_quotes() -> None:
    market = RecordedMarket(EURO, {"EURUSD": of_ticks(TOLD)})
    last = market.quote("EURUSD", START_MS + 1000 * SPAN_S)
    assert last is not None
    assert market.quote("EURUSD", START_MS + 5_000 * HOUR_MS) == last
    assert market.quote("EURUSD", START_MS - 1) is None


def test_recordings_are_told_apart() -> None:
    one, other = (RecordedMarket(EURO, {"EURUSD": of_ticks(TOLD[n:])}) for n in (0, 1))
    digests = {
        BrokerSettings(logins=(LOGIN,), market=market.settings).digest()
        for market in (one, other, SOURCE)
    }
    assert len(digests) == 3


def test_a_recording_without_its_symbol_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match="GBPUSD is recorded but has no specification"):
        RecordedMarket(EURO, {"GBPUSD": of_ticks(TOLD)})
    turned = of_ticks(TOLD)
    turned.time_ms[:] = turned.time_ms[::-1].copy()
    with pytest.raises(ValueError, match="not in the order of their times"):
        RecordedMarket(EURO, {"EURUSD": turned})
