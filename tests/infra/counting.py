"""A small processor and a registry that is always there, to try hosts with. Run: one host, alone.

`python -m tests.infra.counting faust|bulk` hosts it with the configuration in the environment.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from typing import Any

from msgspec import Struct

from events.bars import BarClosed
from events.envelope import Event
from events.market import TickReceived
from infra.config import Config
from infra.run import processor as role
from infra.run.processing import Stage
from infra.stream.schema_ids import RegistryAway, UnknownSchema
from processors.processor import Processor
from schemas.catalog import TYPES
from schemas.codec import plan_of

EVERY = 3
POISON_BID = 13.0
"""The step raises on it."""
SLOW_BID = 14.0
SLOW_S = 1.5
AWAY_ID = 999
"""A schema id that cannot be asked for at first."""
AWAY_TIMES = 2


class Seen(Struct, frozen=True):
    """How many ticks of a symbol, and the sum of their bids."""

    count: int = 0
    sum: float = 0.0


def step(seen: Seen, tick: TickReceived) -> tuple[Seen, tuple[BarClosed, ...]]:
    """Every third tick of a symbol gives two events, the second with all the memory there is."""
    if tick.bid == POISON_BID:
        raise ValueError("thirteen")
    if tick.bid == SLOW_BID:
        time.sleep(SLOW_S)
    now = Seen(seen.count + 1, seen.sum + tick.bid)
    if now.count % EVERY:
        return now, ()
    return now, (_bar(now, tick, EVERY), _bar(now, tick, now.count))


COUNTING: Processor[Seen, TickReceived, BarClosed] = Processor(
    name="counting",
    version=1,
    reads=TickReceived,
    writes=(BarClosed,),
    key=lambda tick: tick.symbol,
    state=Seen,
    initial=Seen(),
    step=step,
)


class FixedIds:
    """Ids by the order of the catalog. One more is that of ticks, when it has been asked thrice."""

    def __init__(self) -> None:
        self._kinds = list(TYPES.values())
        self._asked = 0

    def id_of(self, kind: type[Event]) -> int:
        """The place of a class in the catalog."""
        return self._kinds.index(kind)

    def writer(self, schema_id: int) -> tuple[str, Any]:
        """The class at that place."""
        if schema_id == AWAY_ID:
            self._asked += 1
            if self._asked <= AWAY_TIMES:
                raise RegistryAway("the registry is away")
            schema_id = self.id_of(TickReceived)
        if schema_id >= len(self._kinds):
            raise UnknownSchema(f"schema id {schema_id}")
        kind = self._kinds[schema_id]
        return kind.__name__, plan_of(kind).schema


def _bar(seen: Seen, tick: TickReceived, timeframe_s: int) -> BarClosed:
    return BarClosed(
        symbol=tick.symbol,
        timeframe_s=timeframe_s,
        opened_at_us=tick.ts_source_us,
        closed_at_us=tick.ts_source_us,
        observed_at_us=tick.ts_source_us,
        open=tick.bid,
        high=tick.bid,
        low=tick.bid,
        close=seen.sum,
        bid_close=tick.bid,
        ask_close=tick.ask,
        spread_mean=tick.ask - tick.bid,
        tick_count=seen.count,
        late_ticks=0,
        gap_bars=0,
        first_seq=tick.source_seq,
        last_seq=tick.source_seq,
        backfilled=tick.backfilled,
    )


def main(host: str) -> None:
    """Host the processor until SIGTERM."""
    logging.basicConfig(level="INFO", format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("tapedeck.librdkafka").setLevel(logging.CRITICAL)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    role.hosted(Config.load(os.environ), stop, Stage(COUNTING, FixedIds()), host)


if __name__ == "__main__":
    main(sys.argv[1])
