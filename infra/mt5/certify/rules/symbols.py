"""A symbol: what its specification says, and how it is shown and hidden."""

from __future__ import annotations

from typing import Any

from infra.mt5 import constants as mt5
from infra.mt5.certify.expect import among, equal, fields, holds, kinds, same
from infra.mt5.certify.rule import Check, Needs, Rule, steady
from infra.mt5.certify.scene import Scene
from infra.mt5.symbol_info import SymbolInfo

NOWHERE = "NOWHERE"
SYMBOL_UNITS = 29
ONE, SELECT, PROPERTIES = "symbol_info", "symbol_select", "Symbol Properties"
KINDS = (int, bool, float, str)


def _named(kind: type) -> list[str]:
    return [name for name, said in SymbolInfo.__annotations__.items() if said is kind]


def _kinds(kind: type) -> Check:
    return lambda scene: kinds(scene.info(), kind, _named(kind))


def _point(scene: Scene) -> None:
    info = scene.info()
    equal("point", info.point, 10.0**-info.digits, 1e-12)


def _tick_size(scene: Scene) -> None:
    info = scene.info()
    points = info.trade_tick_size / info.point
    holds("whole points a tick", points >= 1 and abs(points - round(points)) < 1e-6, points)


def _volumes(scene: Scene) -> None:
    info = scene.info()
    found = (info.volume_min, info.volume_step, info.volume_max)
    holds("0 < min <= max and a step above 0", 0 < found[0] <= found[2] and found[1] > 0, found)


def _volume_grid(scene: Scene) -> None:
    info = scene.info()
    steps = info.volume_min / info.volume_step
    holds("a least volume on the step", abs(steps - round(steps)) < 1e-6, steps)


def _spread(scene: Scene) -> None:
    info = scene.info()
    same("spread", info.spread, round((info.ask - info.bid) / info.point))
    holds("an ask that is not below the bid", info.ask >= info.bid, (info.bid, info.ask))


def _day(scene: Scene) -> None:
    info = scene.info()
    bids, asks = (info.bidlow, info.bid, info.bidhigh), (info.asklow, info.ask, info.askhigh)
    holds("a bid between the day's", bids[0] <= bids[1] <= bids[2], bids)
    holds("an ask between the day's", asks[0] <= asks[1] <= asks[2], asks)


def _as_the_tick(scene: Scene) -> None:
    first, info, tick = scene.tick(), scene.info(), scene.tick()
    shown = (info.time, info.bid, info.ask)
    among("time, bid and ask", shown, [(t.time, t.bid, t.ask) for t in (first, tick)])


def _on_grid(scene: Scene) -> None:
    info = scene.info()
    for price in (info.bid, info.ask):
        equal("a price on the symbol's digits", price, round(price, info.digits), 1e-12)


def _among(name: str, values: range) -> Check:
    return lambda scene: among(name, getattr(scene.info(), name), values)


def _tick_value(scene: Scene) -> None:
    info = scene.info()
    price = info.bid
    gained = scene.given(
        "order_calc_profit", 0, scene.symbol, 1.0, price, price + info.trade_tick_size * 100
    )
    equal("the worth of 100 ticks of a lot", info.trade_tick_value * 100, gained, 0.05)


def _currencies(scene: Scene) -> None:
    info = scene.info()
    holds("a profit currency", len(info.currency_profit) == 3, info.currency_profit)
    holds("a margin currency", len(info.currency_margin) == 3, info.currency_margin)


def _unknown(function: str, failure: object, *more: Any) -> Check:
    code = mt5.RES_E_NOT_FOUND
    return lambda scene: scene.fails(failure, code, None, function, NOWHERE, *more)


def _bad_symbol(function: str) -> Check:
    return lambda scene: scene.refuses("symbol", function, 7)


def _long_symbol(scene: Scene) -> None:
    scene.refuses("symbol", "symbol_info", "x" * (SYMBOL_UNITS + 1))


def _longest_symbol(scene: Scene) -> None:
    """It is passed on, and is nobody's name."""
    scene.fails(None, mt5.RES_E_NOT_FOUND, None, "symbol_info", "x" * SYMBOL_UNITS)


def _units(scene: Scene) -> None:
    """A character beyond the basic plane is two units."""
    scene.refuses("symbol", "symbol_info", "\N{ROCKET}" * 15)
    scene.fails(None, mt5.RES_E_NOT_FOUND, None, "symbol_info", "\N{ROCKET}" * 14)


def _selects(scene: Scene) -> None:
    same("symbol_select", scene.terminal.symbol_select(scene.symbol, True), True)
    scene.succeeded()
    info = scene.info()
    same("select and visible", (info.select, info.visible), (True, True))


def _selects_by_default(scene: Scene) -> None:
    same("symbol_select", scene.terminal.symbol_select(scene.symbol), True)
    same("select", scene.info().select, True)


def _hides(scene: Scene) -> None:
    same("symbol_select", scene.terminal.symbol_select("GBPUSD", False), True)
    same("visible", scene.info("GBPUSD").visible, False)
    same("symbol_select", scene.terminal.symbol_select("GBPUSD", True), True)
    same("visible", scene.info("GBPUSD").visible, True)


def _keeps_what_is_held(scene: Scene) -> None:
    scene.opened()
    same("symbol_select", scene.terminal.symbol_select(scene.symbol, False), False)
    same("visible", scene.info().visible, True)


def _tick_fields(scene: Scene) -> None:
    found = scene.tick()
    names = ("time", "bid", "ask", "last", "volume", "time_msc", "flags", "volume_real")
    fields(found, names)


def _tick_kinds(scene: Scene) -> None:
    found = scene.tick()
    kinds(found, int, ("time", "volume", "time_msc", "flags"))
    kinds(found, float, ("bid", "ask", "last", "volume_real"))


def _tick_times(scene: Scene) -> None:
    found = scene.tick()
    same("time", found.time, found.time_msc // 1000)


def _no_keywords(scene: Scene) -> None:
    try:
        answer = scene.call("symbol_info", symbol=scene.symbol)
    except TypeError:
        return
    holds("no keywords taken", answer is None, answer)


OTHERS, LINK, TRADE = "other symbols", Needs.LINK, Needs.TRADE
LIMITS = (
    ("digits", range(9), "0 to 8"),
    ("trade_mode", range(5), "one of five"),
    ("trade_exemode", range(4), "one of four"),
    ("filling_mode", range(8), "a mask of three bits"),
    ("expiration_mode", range(1, 16), "a mask of four bits"),
    ("order_mode", range(1, 128), "a mask of seven bits"),
    ("swap_mode", range(9), "one of nine"),
    ("swap_rollover3days", range(7), "a day of the week"),
    ("order_gtc_mode", range(3), "one of three"),
    ("trade_stops_level", range(1_000_000), "0 or more"),
    ("trade_freeze_level", range(1_000_000), "0 or more"),
)
RULES = (
    Rule(
        331,
        "the 96 fields in the package's order",
        ONE,
        lambda scene: fields(scene.info(), SymbolInfo._fields),
    ),
    *(
        Rule(332 + index, f"fields that are {kind.__name__}", ONE, _kinds(kind))
        for index, kind in enumerate(KINDS)
    ),
    Rule(336, "point is a unit of the last digit", PROPERTIES, _point),
    Rule(337, "a tick is a whole number of points", PROPERTIES, _tick_size),
    Rule(338, "volumes: least, most and step", PROPERTIES, _volumes),
    Rule(339, "the least volume is on the step", PROPERTIES, _volume_grid),
    Rule(340, "spread is ask less bid in points", PROPERTIES, _spread),
    Rule(341, "bid and ask are within the day's", PROPERTIES, _day),
    Rule(342, "time, bid and ask are the last tick's", ONE, steady(_as_the_tick)),
    Rule(343, "prices are on the symbol's digits", PROPERTIES, _on_grid),
    Rule(344, "tick value is what a tick brings a lot", PROPERTIES, _tick_value),
    Rule(345, "currencies of profit and margin are told", PROPERTIES, _currencies),
    *(
        Rule(350 + index, f"{name} is {what}", PROPERTIES, _among(name, values))
        for index, (name, values, what) in enumerate(LIMITS)
    ),
    Rule(361, "symbol_info of an unknown name is None, -4", ONE, _unknown(ONE, None)),
    Rule(
        362,
        "symbol_info_tick of an unknown name is None, -4",
        "symbol_info_tick",
        _unknown("symbol_info_tick", None),
    ),
    Rule(363, "symbol_select of an unknown name is False, -4", SELECT, _unknown(SELECT, False)),
    Rule(364, "symbol_info refuses what is no text", ONE, _bad_symbol(ONE)),
    Rule(
        365,
        "symbol_info_tick refuses what is no text",
        "symbol_info_tick",
        _bad_symbol("symbol_info_tick"),
    ),
    Rule(366, "a name of 30 characters is refused", ONE, _long_symbol),
    Rule(367, "a name of 29 characters is looked up", ONE, _longest_symbol),
    Rule(368, "lengths are UTF-16 units", ONE, _units),
    Rule(369, "symbol_info takes no keywords", ONE, _no_keywords),
    Rule(371, "symbol_select shows a symbol", SELECT, _selects, LINK),
    Rule(372, "symbol_select shows by default", SELECT, _selects_by_default, LINK),
    Rule(373, "symbol_select hides and shows again", SELECT, _hides, LINK, OTHERS),
    Rule(374, "a symbol that is held stays", SELECT, _keeps_what_is_held, TRADE),
    Rule(381, "a tick has eight fields in order", "symbol_info_tick", _tick_fields),
    Rule(382, "a tick's fields are of their kinds", "symbol_info_tick", _tick_kinds),
    Rule(383, "a tick's second is that of its millisecond", "symbol_info_tick", _tick_times),
)
