"""The latest tick of each symbol."""

from __future__ import annotations

from msgspec import Struct

from events.envelope import Message
from events.market import TickReceived
from projections.projection import Projection, Rows, Table
from projections.query import SYMBOL, Query

TICKS = Table("ticks", ("symbol",))

DDL = """
create table ticks (
    symbol text collate "C" primary key,
    bid float8, ask float8, bid_volume float8, ask_volume float8,
    source text, source_seq bigint, ts_source_us bigint, ts_received_us bigint,
    flags bigint, backfilled boolean, message_id text, position text
) with (fillfactor = 50)
"""


class Tick(Struct, frozen=True, kw_only=True):
    """The latest tick of a symbol. Prices are the source's doubles; times are UTC microseconds."""

    symbol: str
    bid: float
    ask: float
    bid_volume: float | None
    ask_volume: float | None
    source: str
    source_seq: int
    ts_source_us: int
    ts_received_us: int
    flags: int
    backfilled: bool
    message_id: str
    position: str


def apply(rows: Rows, message: Message[TickReceived]) -> None:
    """The last tick on the tape is the latest: a symbol stands in one partition."""
    tick = message.event
    rows.put(
        TICKS,
        symbol=tick.symbol,
        bid=tick.bid,
        ask=tick.ask,
        bid_volume=tick.bid_volume,
        ask_volume=tick.ask_volume,
        source=tick.source,
        source_seq=tick.source_seq,
        ts_source_us=tick.ts_source_us,
        ts_received_us=tick.ts_received_us,
        flags=tick.flags,
        backfilled=tick.backfilled,
        message_id=message.envelope.message_id,
        position=str(message.position),
    )


PROJECTION = Projection(
    "ticks", 1, DDL, ("ticks",), (TickReceived,), apply, latest=lambda tick: tick.symbol
)

LATEST = Query("ticks", Tick, ("symbol",), (SYMBOL,), newest_first=False)
