"""Bars: `copy_rates_from`, `copy_rates_from_pos` and `copy_rates_range`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np

from infra.mt5 import constants as mt5
from infra.mt5.certify.expect import equal, holds, provided, same
from infra.mt5.certify.rule import Check, Rule, steady
from infra.mt5.certify.scene import Scene
from infra.mt5.terminal import Rows

FROM, POS, RANGE = "copy_rates_from", "copy_rates_from_pos", "copy_rates_range"
M1, M5, H1 = mt5.TIMEFRAME_M1, mt5.TIMEFRAME_M5, mt5.TIMEFRAME_H1
MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400
COUNT, BYTES = 30, 60
MEANWHILE = "a bar began meanwhile"
DTYPES = (
    ("time", "<i8"),
    ("open", "<f8"),
    ("high", "<f8"),
    ("low", "<f8"),
    ("close", "<f8"),
    ("tick_volume", "<u8"),
    ("spread", "<i4"),
    ("real_volume", "<u8"),
)
# Timeframes of minutes and hours, and the seconds on whose multiples their bars open.
TIMEFRAMES = (
    *(("M", minutes, minutes * MINUTE_S) for minutes in (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30)),
    *(("H", hours, hours * HOUR_S) for hours in (1, 2, 3, 4, 6, 8, 12)),
    ("D", 1, DAY_S),
)


def _newest(scene: Scene, timeframe: int = M1, count: int = COUNT, skipped: int = 0) -> Rows:
    found: Rows = scene.given(POS, scene.symbol, timeframe, skipped, count)
    holds("some bars", len(found) > 1, len(found))
    return found


def _dtype(name: str, kind: str) -> Check:
    def check(scene: Scene) -> None:
        found = _newest(scene).dtype
        holds(f"a column {name}", found.names and name in found.names, found.names)
        same(f"the type of {name}", found[name].str, kind)

    return check


def _packed(scene: Scene) -> None:
    found = _newest(scene).dtype
    same("the columns", found.names, tuple(name for name, _ in DTYPES))
    same("the bytes of a row", found.itemsize, BYTES)


def _opens_at(letter: str, number: int, seconds: int) -> Check:
    def check(scene: Scene) -> None:
        timeframe = scene.names[f"TIMEFRAME_{letter}{number}"]
        times = _newest(scene, timeframe, 5)["time"]
        off = times[times % seconds != 0]
        holds(f"openings on multiples of {seconds} s", not len(off), off)
        holds("one bar at a time", (np.diff(times) >= seconds).all(), times)

    return check


def _weeks(scene: Scene) -> None:
    days = [datetime.fromtimestamp(t, UTC) for t in _newest(scene, mt5.TIMEFRAME_W1, 4)["time"]]
    same("the days", {day.strftime("%w %H:%M") for day in days}, {"0 00:00"})


def _months(scene: Scene) -> None:
    days = [datetime.fromtimestamp(t, UTC) for t in _newest(scene, mt5.TIMEFRAME_MN1, 2)["time"]]
    same("the days", {day.strftime("%d %H:%M") for day in days}, {"01 00:00"})


def _rising(scene: Scene) -> None:
    times = _newest(scene)["time"]
    holds("times that rise", (np.diff(times) > 0).all(), times)


def _within(scene: Scene) -> None:
    bars = _newest(scene)
    for name in ("open", "close"):
        inside = (bars["low"] <= bars[name]) & (bars[name] <= bars["high"])
        holds(f"{name} between low and high", inside.all(), bars[~inside])


def _lively(scene: Scene) -> None:
    bars = _newest(scene)
    holds("a tick in each bar", (bars["tick_volume"] > 0).all(), bars["tick_volume"])
    holds("no spread below 0", (bars["spread"] >= 0).all(), bars["spread"])


def _open_bar(scene: Scene) -> None:
    bar, tick = _newest(scene)[-1], scene.tick()
    provided(tick.time // MINUTE_S * MINUTE_S == bar["time"], MEANWHILE)
    equal("the close of the open bar", float(bar["close"]), tick.bid)


def _older(scene: Scene) -> None:
    newest, older = _newest(scene), _newest(scene, skipped=3, count=COUNT - 3)
    provided(newest[-1]["time"] - older[-1]["time"] == 3 * MINUTE_S, MEANWHILE)
    same("the bars before", older.tobytes(), newest[: len(older)].tobytes())


def _counted(scene: Scene) -> None:
    for count in (1, 2, COUNT):
        same("bars", len(scene.given(POS, scene.symbol, M1, 0, count)), count)


def _until(scene: Scene) -> None:
    bars = _newest(scene)
    at_s = int(bars[-5]["time"]) + 30
    found = scene.given(FROM, scene.symbol, M1, at_s, 4)
    same("the openings", found["time"].tolist(), bars["time"][-8:-4].tolist())


def _on_the_second(scene: Scene) -> None:
    bars = _newest(scene)
    found = scene.given(FROM, scene.symbol, M1, int(bars[-5]["time"]), 1)
    same("the opening", found["time"].tolist(), [int(bars[-5]["time"])])


def _ranged(scene: Scene) -> None:
    bars = _newest(scene)
    ends = int(bars[4]["time"]), int(bars[-4]["time"])
    found = scene.given(RANGE, scene.symbol, M1, *ends)
    same("the bars", found.tobytes(), bars[4:-3].tobytes())


def _between(scene: Scene) -> None:
    """A bar counts by its opening: one that is open at the start of the range does not."""
    bars = _newest(scene)
    ends = int(bars[4]["time"]) + 1, int(bars[8]["time"]) + 59
    found = scene.given(RANGE, scene.symbol, M1, *ends)
    same("the openings", found["time"].tolist(), bars["time"][5:9].tolist())


def _empty(scene: Scene) -> None:
    at_s = int(_newest(scene)[5]["time"])
    found = scene.call(RANGE, scene.symbol, M1, at_s + 1, at_s + 59)
    holds("no bar that opens inside a minute", found is None or not len(found), found)


def _by_date(scene: Scene) -> None:
    at_s = int(_newest(scene)[-5]["time"])
    at = datetime.fromtimestamp(at_s, UTC)
    by_number = scene.given(FROM, scene.symbol, M1, at_s, 5)
    same("the bars", scene.given(FROM, scene.symbol, M1, at, 5).tobytes(), by_number.tobytes())


def _made_of_minutes(scene: Scene) -> None:
    """A closed bar of five minutes is what its five of one minute make."""
    five = _newest(scene, M5, 3)[0]
    start_s = int(five["time"])
    ones = scene.given(RANGE, scene.symbol, M1, start_s, start_s + 299)
    holds("five or fewer bars of a minute", 1 <= len(ones) <= 5, ones)
    made = (ones[0]["open"], ones["high"].max(), ones["low"].min(), ones[-1]["close"])
    same("the prices", _prices(five), [float(price) for price in made])
    same("the ticks", int(five["tick_volume"]), int(ones["tick_volume"].sum()))


def _made_of_ticks(scene: Scene) -> None:
    bar = _newest(scene)[-3]
    start_s = int(bar["time"])
    ticks = scene.given("copy_ticks_range", scene.symbol, start_s, start_s + 60, mt5.COPY_TICKS_ALL)
    bids = ticks[ticks["time"] < start_s + 60]["bid"]
    made = [float(bids[0]), float(bids.max()), float(bids.min()), float(bids[-1])]
    same("the prices", _prices(bar), made)


def _prices(bar: Any) -> list[float]:
    return [float(bar[name]) for name in ("open", "high", "low", "close")]


def _hour(scene: Scene) -> None:
    bars = _newest(scene, H1, 3)
    scene_day = _newest(scene, mt5.TIMEFRAME_D1, 2)[-1]
    inside = bars[bars["time"] >= scene_day["time"]]
    provided(len(inside), MEANWHILE)
    holds("hours within their day", inside["high"].max() <= scene_day["high"], inside)


def _grid(scene: Scene) -> None:
    digits, bars = scene.info().digits, _newest(scene)
    for name in ("open", "high", "low", "close"):
        off = np.abs(bars[name] - np.round(bars[name], digits)) > 1e-9
        holds(f"{name} on the symbol's digits", not off.any(), bars[name][off])


def _refused(name: str, function: str, *arguments: Any) -> Check:
    return lambda scene: scene.refuses(name, function, scene.symbol, *arguments)


def _no_timeframe(scene: Scene) -> None:
    scene.fails(None, mt5.RES_E_INVALID_PARAMS, None, POS, scene.symbol, 7, 0, 1)


def _unknown(function: str, *arguments: Any) -> Check:
    code = mt5.RES_E_NOT_FOUND
    return lambda scene: scene.fails(None, code, None, function, "NOWHERE", M1, *arguments)


def _bad_symbol(function: str, *arguments: Any) -> Check:
    return lambda scene: scene.refuses("symbol", function, 7, M1, *arguments)


RULES = (
    *(
        Rule(501 + index, f"column {name} is {kind}", FROM, _dtype(name, kind))
        for index, (name, kind) in enumerate(DTYPES)
    ),
    Rule(509, "eight columns, packed in 60 bytes", FROM, _packed),
    *(
        Rule(
            511 + index,
            f"bars of {letter}{number} open on multiples of their length",
            "TIMEFRAME",
            _opens_at(letter, number, seconds),
        )
        for index, (letter, number, seconds) in enumerate(TIMEFRAMES)
    ),
    Rule(530, "weeks open on Sunday", "TIMEFRAME", _weeks),
    Rule(531, "months open on the first", "TIMEFRAME", _months),
    Rule(541, "bars come in the order of their times", POS, _rising),
    Rule(542, "open and close are between low and high", POS, _within),
    Rule(543, "bars hold ticks, and no spread below 0", POS, _lively),
    Rule(544, "position 0 is the open bar, which closes at the bid", POS, steady(_open_bar)),
    Rule(545, "start_pos counts back from the open bar", POS, steady(_older)),
    Rule(546, "so many bars as asked", POS, _counted),
    Rule(547, "copy_rates_from gives the bars up to the date", FROM, _until),
    Rule(548, "a bar that opens at the date is one of them", FROM, _on_the_second),
    Rule(549, "a range holds both of its ends", RANGE, _ranged),
    Rule(550, "a bar is in a range by its opening", RANGE, _between),
    Rule(551, "a range between two openings is empty", RANGE, _empty),
    Rule(552, "a datetime is taken by its timestamp", FROM, _by_date),
    Rule(553, "bars of M5 are made of those of M1", RANGE, _made_of_minutes),
    Rule(554, "bars are made of the bids", RANGE, _made_of_ticks),
    Rule(555, "a day is as high as its hours", POS, steady(_hour)),
    Rule(556, "prices are on the symbol's digits", POS, _grid),
    Rule(561, "an unknown timeframe is None, -2", POS, _no_timeframe),
    Rule(562, "a timeframe that is no int is refused", POS, _refused("timeframe", POS, "M1", 0, 1)),
    Rule(563, "a negative start_pos is refused", POS, _refused("start_pos", POS, M1, -1, 1)),
    Rule(564, "a negative count is refused", POS, _refused("count", POS, M1, 0, -1)),
    Rule(565, "a date that is a text is refused", FROM, _refused("date_from", FROM, M1, "now", 1)),
    Rule(566, "a count that is no int is refused", FROM, _refused("count", FROM, M1, 1, 2.5)),
    Rule(567, "an end that is a text is refused", RANGE, _refused("date_to", RANGE, M1, 1, "now")),
    Rule(568, "an end before 1970 is refused", RANGE, _refused("date_to", RANGE, M1, 1, -1)),
    Rule(569, "an unknown symbol is None, -4", FROM, _unknown(FROM, 1, 1)),
    Rule(570, "an unknown symbol is None, -4", POS, _unknown(POS, 0, 1)),
    Rule(571, "an unknown symbol is None, -4", RANGE, _unknown(RANGE, 1, 2)),
    Rule(572, "a symbol that is no text is refused", FROM, _bad_symbol(FROM, 1, 1)),
    Rule(573, "a symbol that is no text is refused", POS, _bad_symbol(POS, 0, 1)),
    Rule(574, "a symbol that is no text is refused", RANGE, _bad_symbol(RANGE, 1, 2)),
)
