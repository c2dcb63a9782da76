"""The first model of a copy on the simulated market, learned from that market's own recent history.

So a new tape predicts from its first minute. The prices are the ones the venue quotes, computed
from the same seed; what such a model is worth says nothing about a real market.
"""

from __future__ import annotations

from collections.abc import Iterator

from events.market import TickReceived
from infra.config import Config
from infra.mt5.simulator.settings import MarketSettings, symbols_named
from infra.mt5.simulator.ticks import Market
from processors.training.course import Course, train_from
from processors.training.dataset import dataset_of
from processors.training.stream import features_of

TIMEFRAME_S = 10
HORIZON_S = 60
HISTORY_H = 4
HOUR_MS = 3_600_000
SOURCE = "simulated-history"


def course(config: Config, now_ms: int) -> Course:
    """A model from the last `HISTORY_H` whole hours before `now_ms`, which are the same to all."""
    settings = MarketSettings(seed=config.seed, symbols=symbols_named(config.symbols))
    market = Market(settings)
    end_ms = now_ms - now_ms % HOUR_MS
    start_ms = end_ms - HISTORY_H * HOUR_MS
    ticks = (tick for name in config.symbols for tick in history(market, name, start_ms, end_ms))
    rows = dataset_of(features_of(ticks, TIMEFRAME_S), TIMEFRAME_S, HORIZON_S)
    return train_from(rows, embargo_s=HORIZON_S, threads=1)


def history(market: Market, symbol: str, start_ms: int, end_ms: int) -> Iterator[TickReceived]:
    """The quotes of a stretch of time as the bridge would have put them on the tape."""
    quotes = market.ticks(symbol, start_ms, end_ms)
    columns = (quotes.time_ms.tolist(), quotes.bid.tolist(), quotes.ask.tolist())
    for number, (time_ms, bid, ask) in enumerate(zip(*columns, strict=True)):
        yield TickReceived(
            symbol=symbol,
            source=SOURCE,
            source_seq=number,
            ts_source_us=time_ms * 1000,
            ts_received_us=time_ms * 1000,
            bid=bid,
            ask=ask,
            backfilled=True,
        )
