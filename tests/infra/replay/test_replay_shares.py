"""What a replay says of a loss does not depend on how the keys are dealt out."""

from __future__ import annotations

from msgspec.structs import replace

from infra.replay.chain import Link, LocalIds
from infra.replay.found import Count
from infra.replay.share import WHOLE, Share
from infra.run.processing import Stage, fresh, place_of
from infra.stream.wire import Outgoing, Record
from infra.stream.wire import place_of as origin_of
from processors.bars import BARS
from tests.infra.market import IDS, record_of, tick

SYMBOLS = ("EURUSD", "XAUUSD")
DEALT = {b"EURUSD": 0, b"XAUUSD": 1}
SHARES = (Share(0, 2, DEALT), Share(1, 2, DEALT))
APART_US = 5_000_000


def test_what_one_symbol_lost_while_another_went_on_is_a_difference() -> None:
    ticks, bars = _tape()
    middle = len(ticks) // 2
    kept = [bar for bar in bars if bar.key != b"XAUUSD" or _caused_by(bar) < middle]
    assert len(kept) < len(bars)
    whole = _count(ticks, kept, (WHOLE,))
    assert whole.different == len(bars) - len(kept) - whole.not_yet_recorded > 40
    assert _count(ticks, kept, SHARES) == whole


def test_what_no_symbol_has_reached_is_not_yet_recorded() -> None:
    ticks, bars = _tape()
    middle = len(ticks) // 2
    kept = [bar for bar in bars if _caused_by(bar) < middle]
    whole = _count(ticks, kept, (WHOLE,))
    assert (whole.different, whole.not_yet_recorded) == (0, len(bars) - len(kept))
    assert _count(ticks, kept, SHARES) == whole


def _tape() -> tuple[list[Record], list[Outgoing]]:
    """Ticks of two symbols in turn, five seconds apart, and the bars that they close."""
    ticks: list[Record] = []
    for number in range(1, 161):
        for symbol in SYMBOLS:
            one = tick(symbol, number, bid=1.1 + number * 7919 % 101 / 1e4)
            at_us = one.ts_source_us + number * APART_US
            moved = replace(one, ts_source_us=at_us, ts_received_us=at_us)
            ticks.append(_record(record_of(moved), len(ticks)))
    stage, partition = Stage(BARS, IDS), fresh(0)
    return ticks, [bar for record in ticks for bar in stage.advance(partition, record)]


def _count(ticks: list[Record], kept: list[Outgoing], shares: tuple[Share, ...]) -> Count:
    total = Count()
    for share in shares:
        ids = LocalIds(IDS)
        recorded = (_record(bar, offset) for offset, bar in enumerate(kept))
        link = Link(Stage(BARS, ids), 0, recorded, ids, None, share)
        for record in ticks:
            if share.has(record.key):
                link.feed(record, True)
        link.finish(True, len(ticks))
        total.add(link.count)
    return total


def _caused_by(bar: Outgoing) -> int:
    """The offset of the tick that closed a bar."""
    return place_of(origin_of(bar.headers)[1])[0]


def _record(output: Outgoing, offset: int) -> Record:
    return Record(output.topic, 0, offset, output.key, output.value, output.headers)
