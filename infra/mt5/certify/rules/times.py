"""Times: the server's clock, in seconds and in milliseconds of the same moment."""

from __future__ import annotations

from infra.mt5 import constants as mt5
from infra.mt5.certify.expect import equal, holds, same
from infra.mt5.certify.rule import PLAIN, Check, Needs, Rule
from infra.mt5.certify.rules.market import deals_of, order_of
from infra.mt5.certify.scene import Scene

POSITIONS, ORDERS, DEALS = "Position Properties", "Order Properties", "Deal Properties"
CLOCK = "server's clock"
AHEAD_S, START_S = 7_200, 1_763_640_000
NEAR_S = 120


def _position(scene: Scene) -> None:
    found = scene.opened()
    same("time", found.time, found.time_msc // 1000)
    same("time_update", found.time_update, found.time_update_msc // 1000)


def _order(scene: Scene) -> None:
    found = order_of(scene, scene.opened().ticket)
    same("time_setup", found.time_setup, found.time_setup_msc // 1000)
    same("time_done", found.time_done, found.time_done_msc // 1000)


def _deal(scene: Scene) -> None:
    (found,) = deals_of(scene, scene.opened().identifier)
    same("time", found.time, found.time_msc // 1000)


def _in_turn(scene: Scene) -> None:
    position = scene.opened()
    order = order_of(scene, position.ticket)
    (deal,) = deals_of(scene, position.identifier)
    times = [order.time_setup_msc, deal.time_msc, order.time_done_msc]
    same("set up, dealt, done", times, sorted(times))
    equal("the position's time", position.time_msc, deal.time_msc, 1_000)


def _near_the_quote(scene: Scene) -> None:
    found, tick = scene.opened(), scene.tick()
    equal("the position's time", found.time, tick.time, NEAR_S)


def _waits_since(scene: Scene) -> None:
    first = scene.now_s()
    order = scene.placed(mt5.ORDER_TYPE_BUY_LIMIT, scene.price(-1000))
    equal("time_setup", order.time_setup, first, NEAR_S)


def _moves(scene: Scene) -> None:
    first = scene.opened()
    scene.let_pass(3_000)
    second = scene.opened()
    holds("a later time", second.time_msc > first.time_msc, (first.time_msc, second.time_msc))


def _newest_tick(scene: Scene) -> None:
    first = scene.tick()
    scene.let_pass(60_000)
    second = scene.tick()
    holds("a later quote", second.time_msc > first.time_msc, (first.time_msc, second.time_msc))


def _symbol_time(scene: Scene) -> None:
    equal("the symbol's time", scene.info().time, scene.tick().time, 1)


def _ahead_quote(scene: Scene) -> None:
    equal("the tick's time", scene.tick().time, START_S + AHEAD_S, NEAR_S)


def _ahead_position(scene: Scene) -> None:
    equal("the position's time", scene.opened().time, START_S + AHEAD_S, NEAR_S)


def _ahead_history(scene: Scene) -> None:
    """Ranges are asked in the server's clock as well."""
    position = scene.opened()
    found = scene.given("history_deals_get", position.time - 1, position.time + 1)
    same("the deal among them", position.ticket in {deal.order for deal in found}, True)
    earlier = scene.given("history_deals_get", 0, START_S + AHEAD_S // 2)
    same("deals of before", position.ticket in {deal.order for deal in earlier}, False)


def _ahead_bars(scene: Scene) -> None:
    bars = scene.given("copy_rates_from_pos", scene.symbol, mt5.TIMEFRAME_M1, 0, 1)
    equal("the open bar", int(bars[-1]["time"]), START_S + AHEAD_S, NEAR_S)


def _ahead_ticks(scene: Scene) -> None:
    span = (START_S + AHEAD_S - 600, START_S + AHEAD_S)
    found = scene.given("copy_ticks_range", scene.symbol, *span, mt5.COPY_TICKS_ALL)
    holds("ticks of the last minutes", len(found) > 0, len(found))


def _closed_market(scene: Scene) -> None:
    """On a Saturday the last quote is Friday's, and everything can still be read."""
    first = scene.tick()
    scene.let_pass(3_600_000)
    same("the last quote", scene.tick(), first)
    holds("an account", scene.account().login, None)


def _trade(number: int, title: str, page: str, check: Check, situation: str = PLAIN) -> Rule:
    return Rule(number, title, page, check, Needs.TRADE, situation)


RULES = (
    _trade(1801, "a position's seconds are those of its milliseconds", POSITIONS, _position),
    _trade(1802, "an order's seconds are those of its milliseconds", ORDERS, _order),
    _trade(1803, "a deal's second is that of its millisecond", DEALS, _deal),
    _trade(1804, "an order is set up, dealt and done in turn", ORDERS, _in_turn),
    _trade(1805, "what is traded has the time of the quotes", POSITIONS, _near_the_quote),
    _trade(1806, "an order waits since it was placed", ORDERS, _waits_since),
    _trade(1807, "what comes later has a later time", POSITIONS, _moves),
    Rule(1808, "quotes go on", "symbol_info_tick", _newest_tick, Needs.READ, "time"),
    Rule(1809, "a symbol's time is its tick's", "symbol_info", _symbol_time),
    Rule(
        1811,
        "quotes are in the server's clock",
        "symbol_info_tick",
        _ahead_quote,
        Needs.READ,
        CLOCK,
    ),
    _trade(1812, "positions are in the server's clock", POSITIONS, _ahead_position, CLOCK),
    _trade(
        1813, "history is asked in the server's clock", "history_deals_get", _ahead_history, CLOCK
    ),
    Rule(
        1814,
        "bars are in the server's clock",
        "copy_rates_from_pos",
        _ahead_bars,
        Needs.READ,
        CLOCK,
    ),
    Rule(
        1815,
        "ticks are asked in the server's clock",
        "copy_ticks_range",
        _ahead_ticks,
        Needs.READ,
        CLOCK,
    ),
    Rule(
        1816,
        "a closed market keeps its last quote",
        "symbol_info_tick",
        _closed_market,
        Needs.READ,
        "weekend",
    ),
)
