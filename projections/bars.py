"""Every closed bar: the latest ones per symbol and timeframe are the first of a list.

Bars are about a thousandth of the ticks, and every one is kept.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import asdict

from events.bars import BarClosed
from events.envelope import Message
from projections.projection import Projection, Rows, Table
from projections.query import SYMBOL, Kind, Query, during, equals

BARS = Table("bars", ("symbol", "timeframe_s", "opened_at_us"))

DDL = """
create table bars (
    symbol text collate "C", timeframe_s integer, opened_at_us bigint, closed_at_us bigint,
    observed_at_us bigint, open float8, high float8, low float8, close float8,
    bid_close float8, ask_close float8, spread_mean float8,
    tick_count bigint, late_ticks bigint, gap_bars bigint, first_seq bigint, last_seq bigint,
    backfilled boolean, message_id text, position text,
    primary key (symbol, timeframe_s, opened_at_us)
)
"""

INDEXES = """
create index if not exists bars_by_time on bars (closed_at_us, symbol, timeframe_s);
create index if not exists bars_by_symbol on bars (symbol, timeframe_s, closed_at_us)
"""


class Bar(Struct, frozen=True, kw_only=True):
    """What the market did in a span of time. Prices are mids; times are UTC microseconds."""

    symbol: str
    timeframe_s: int
    opened_at_us: int
    closed_at_us: int
    observed_at_us: int
    open: float
    high: float
    low: float
    close: float
    bid_close: float
    ask_close: float
    spread_mean: float
    tick_count: int
    late_ticks: int
    gap_bars: int
    first_seq: int
    last_seq: int
    backfilled: bool
    message_id: str
    position: str


def apply(rows: Rows, message: Message[BarClosed]) -> None:
    """A bar is closed once."""
    rows.put(
        BARS,
        **asdict(message.event),
        message_id=message.envelope.message_id,
        position=str(message.position),
    )


PROJECTION = Projection("bars", 1, DDL, ("bars",), (BarClosed,), apply, indexes=INDEXES)

CLOSED = Query(
    "bars",
    Bar,
    ("closed_at_us", "symbol", "timeframe_s"),
    (
        SYMBOL,
        equals("timeframe_s", "only bars of this many seconds", Kind.NUMBER),
        *during("closed_at_us"),
    ),
)
