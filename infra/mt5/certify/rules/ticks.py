"""Ticks: `copy_ticks_from` and `copy_ticks_range`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np

from infra.mt5 import constants as mt5
from infra.mt5.certify.expect import holds, provided, same
from infra.mt5.certify.rule import Check, Rule, steady
from infra.mt5.certify.scene import Scene
from infra.mt5.terminal import Rows

FROM, RANGE = "copy_ticks_from", "copy_ticks_range"
ALL, INFO, TRADES = mt5.COPY_TICKS_ALL, mt5.COPY_TICKS_INFO, mt5.COPY_TICKS_TRADE
SPAN_S, COUNT = 600, 50
OF_QUOTES, OF_TRADES = 2 | 4, 8 | 16
FLAGS = OF_QUOTES | OF_TRADES | 32 | 64
BYTES = 60
DTYPES = (
    ("time", "<i8"),
    ("bid", "<f8"),
    ("ask", "<f8"),
    ("last", "<f8"),
    ("volume", "<u8"),
    ("time_msc", "<i8"),
    ("flags", "<u4"),
    ("volume_real", "<f8"),
)


def _ranged(scene: Scene, flags: int = ALL) -> tuple[int, int, Rows]:
    """Some minutes of ticks, from a second to a second."""
    end_s = scene.now_s()
    found = scene.given(RANGE, scene.symbol, end_s - SPAN_S, end_s, flags)
    return end_s - SPAN_S, end_s, found


def _ticks(scene: Scene) -> Rows:
    found = _ranged(scene)[2]
    holds("some ticks in ten minutes", len(found) > 1, len(found))
    return found


def _dtype(name: str, kind: str) -> Check:
    def check(scene: Scene) -> None:
        found = _ticks(scene).dtype
        holds(f"a column {name}", found.names and name in found.names, found.names)
        same(f"the type of {name}", found[name].str, kind)

    return check


def _packed(scene: Scene) -> None:
    found = _ticks(scene).dtype
    same("the columns", found.names, tuple(name for name, _ in DTYPES))
    same("the bytes of a row", found.itemsize, BYTES)


def _sorted(scene: Scene) -> None:
    times = _ticks(scene)["time_msc"]
    holds("times that never fall", (np.diff(times) >= 0).all(), times)


def _seconds(scene: Scene) -> None:
    found = _ticks(scene)
    holds("seconds of milliseconds", (found["time"] == found["time_msc"] // 1000).all(), found)


def _spread(scene: Scene) -> None:
    found = _ticks(scene)
    holds("asks that are not below bids", (found["ask"] >= found["bid"]).all(), found)


def _flags(scene: Scene) -> None:
    found = _ticks(scene)["flags"]
    holds("known flags, at least one", ((found & ~np.uint32(FLAGS)) == 0).all(), set(found))
    holds("a flag on each tick", (found > 0).all(), set(found))


def _flags_tell(scene: Scene) -> None:
    """Where the flag of the bid is missing, the bid is that of the tick before."""
    found = _ticks(scene)
    for name, bit in (("bid", mt5.TICK_FLAG_BID), ("ask", mt5.TICK_FLAG_ASK)):
        moved = found[name][1:] != found[name][:-1]
        told = (found["flags"][1:] & np.uint32(bit)) > 0
        holds(f"a flag where the {name} moves", (told | ~moved).all(), found[1:][moved & ~told])


def _only(flags: int, bits: int) -> Check:
    def check(scene: Scene) -> None:
        found = _ranged(scene, flags)[2]["flags"]
        holds("ticks of this kind alone", ((found & np.uint32(bits)) > 0).all(), set(found))

    return check


def _all_holds_both(scene: Scene) -> None:
    lengths = [len(_ranged(scene, flags)[2]) for flags in (ALL, INFO, TRADES)]
    holds("no kind to have more than all", lengths[0] >= max(lengths[1:]), lengths)


def _last(scene: Scene) -> None:
    tick = scene.tick()
    found = scene.given(RANGE, scene.symbol, tick.time, tick.time + SPAN_S, ALL)
    provided(scene.tick() == tick, "there was a tick meanwhile")
    same("the last tick", found[-1].item()[:3], tuple(tick)[:3])


def _forward(scene: Scene) -> None:
    start_s, _, whole = _ranged(scene)
    found = scene.given(FROM, scene.symbol, start_s, COUNT, ALL)
    holds("ticks from the date on", (found["time"] >= start_s).all(), found["time"])
    same("the first ticks of the range", found.tobytes(), whole[: len(found)].tobytes())


def _counted(scene: Scene) -> None:
    start_s, _, whole = _ranged(scene)
    for count in (1, 7, min(COUNT, len(whole))):
        same("rows", len(scene.given(FROM, scene.symbol, start_s, count, ALL)), count)


def _inside(scene: Scene) -> None:
    start_s, end_s, found = _ranged(scene)
    times = found["time_msc"]
    inside = (times >= start_s * 1000) & (times <= end_s * 1000)
    holds("ticks inside the range", inside.all(), times[~inside])


def _parts(scene: Scene) -> None:
    """Two ranges that meet hold what the whole one holds."""
    start_s, end_s, whole = _ranged(scene)
    middle_s = (start_s + end_s) // 2
    parts = [
        scene.given(RANGE, scene.symbol, *each, ALL)
        for each in ((start_s, middle_s), (middle_s, end_s))
    ]
    met = {tuple(row.item()) for part in parts for row in part}
    same("different ticks", len(met), len({tuple(row.item()) for row in whole}))


def _backwards(scene: Scene) -> None:
    end_s = scene.now_s()
    found = scene.call(RANGE, scene.symbol, end_s, end_s - SPAN_S, ALL)
    holds("no ticks of a range that ends before it begins", found is None or not len(found), found)


def _ahead(scene: Scene) -> None:
    later_s = scene.now_s() + 86_400
    found = scene.call(RANGE, scene.symbol, later_s, later_s + 60, ALL)
    holds("no ticks of tomorrow", found is None or not len(found), found)


def _not_later(scene: Scene) -> None:
    end_s = scene.now_s() + 86_400
    found = scene.given(RANGE, scene.symbol, end_s - 86_400 - SPAN_S, end_s, ALL)
    tick = scene.tick()
    holds("no tick after the last", found["time_msc"].max() <= tick.time_msc, tick)


def _by_date(scene: Scene) -> None:
    start_s = scene.now_s() - SPAN_S
    at = datetime.fromtimestamp(start_s, UTC)
    by_number = scene.given(FROM, scene.symbol, start_s, COUNT, ALL)
    by_date = scene.given(FROM, scene.symbol, at, COUNT, ALL)
    same("the ticks", by_date.tobytes(), by_number.tobytes())


def _by_naive_date(scene: Scene) -> None:
    """A date without a zone is one of the machine's."""
    start_s = scene.now_s() - SPAN_S
    at = datetime.fromtimestamp(start_s, UTC).astimezone().replace(tzinfo=None)
    by_number = scene.given(FROM, scene.symbol, start_s, COUNT, ALL)
    by_date = scene.given(FROM, scene.symbol, at, COUNT, ALL)
    same("the ticks", by_date.tobytes(), by_number.tobytes())


def _by_fraction(scene: Scene) -> None:
    start_s = scene.now_s() - SPAN_S
    whole = scene.given(FROM, scene.symbol, start_s, COUNT, ALL)
    found = scene.given(FROM, scene.symbol, start_s + 0.75, COUNT, ALL)
    same("the ticks", found.tobytes(), whole.tobytes())


def _refused(name: str, function: str, *arguments: Any) -> Check:
    return lambda scene: scene.refuses(name, function, scene.symbol, *arguments)


def _unknown(function: str, *arguments: Any) -> Check:
    code = mt5.RES_E_NOT_FOUND
    return lambda scene: scene.fails(None, code, None, function, "NOWHERE", *arguments)


def _symbol_refused(function: str, *arguments: Any) -> Check:
    return lambda scene: scene.refuses("symbol", function, None, *arguments)


def _grid(scene: Scene) -> None:
    digits, found = scene.info().digits, _ticks(scene)
    for name in ("bid", "ask"):
        off = np.abs(found[name] - np.round(found[name], digits)) > 1e-9
        holds(f"{name}s on the symbol's digits", not off.any(), found[name][off])


RULES = (
    *(
        Rule(401 + index, f"column {name} is {kind}", FROM, _dtype(name, kind))
        for index, (name, kind) in enumerate(DTYPES)
    ),
    Rule(409, "eight columns, packed in 60 bytes", FROM, _packed),
    Rule(411, "ticks come in the order of their times", RANGE, _sorted),
    Rule(412, "a tick's second is that of its millisecond", RANGE, _seconds),
    Rule(413, "the ask is not below the bid", RANGE, _spread),
    Rule(414, "flags are the documented ones, never none", RANGE, _flags),
    Rule(415, "a price that moves has its flag", RANGE, _flags_tell),
    Rule(416, "COPY_TICKS_INFO gives changes of bid and ask", FROM, _only(INFO, OF_QUOTES)),
    Rule(417, "COPY_TICKS_TRADE gives changes of last and volume", FROM, _only(TRADES, OF_TRADES)),
    Rule(418, "COPY_TICKS_ALL gives the most", FROM, _all_holds_both),
    Rule(419, "the newest tick is symbol_info_tick's", "symbol_info_tick", steady(_last)),
    Rule(420, "prices are on the symbol's digits", RANGE, _grid),
    Rule(421, "copy_ticks_from goes forward from the date", FROM, _forward),
    Rule(422, "copy_ticks_from gives so many", FROM, _counted),
    Rule(423, "a range holds only its own", RANGE, _inside),
    Rule(424, "two ranges that meet make the whole", RANGE, _parts),
    Rule(425, "a range that ends before it begins is empty", RANGE, _backwards),
    Rule(426, "a range of tomorrow is empty", RANGE, _ahead),
    Rule(427, "no tick is later than the last quote", RANGE, _not_later),
    Rule(431, "a datetime is taken by its timestamp", FROM, _by_date),
    Rule(432, "a datetime without a zone is the machine's", FROM, _by_naive_date),
    Rule(433, "a fraction of a second is dropped", FROM, _by_fraction),
    Rule(434, "a date that is a text is refused", FROM, _refused("date_from", FROM, "now", 1, ALL)),
    Rule(435, "a date before 1970 is refused", FROM, _refused("date_from", FROM, -5, 1, ALL)),
    Rule(436, "a date of 33 bits is refused", FROM, _refused("date_from", FROM, 2**32, 1, ALL)),
    Rule(437, "a negative count is refused", FROM, _refused("count", FROM, 1, -1, ALL)),
    Rule(438, "a count that is no int is refused", FROM, _refused("count", FROM, 1, 1.5, ALL)),
    Rule(439, "flags that are no int are refused", FROM, _refused("flags", FROM, 1, 1, "all")),
    Rule(440, "a symbol that is no text is refused", FROM, _symbol_refused(FROM, 1, 1, ALL)),
    Rule(441, "an end that is a text is refused", RANGE, _refused("date_to", RANGE, 1, "now", ALL)),
    Rule(442, "a start that is a text is refused", RANGE, _refused("date_from", RANGE, "", 1, ALL)),
    Rule(443, "flags that are no int are refused", RANGE, _refused("flags", RANGE, 1, 2, "all")),
    Rule(444, "a symbol that is no text is refused", RANGE, _symbol_refused(RANGE, 1, 2, ALL)),
    Rule(445, "an unknown symbol is None, -4", FROM, _unknown(FROM, 1, 1, ALL)),
    Rule(446, "an unknown symbol is None, -4", RANGE, _unknown(RANGE, 1, 2, ALL)),
)
