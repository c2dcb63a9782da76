"""Market orders: order, deal, position, each under its number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from infra.mt5 import constants as mt5
from infra.mt5.certify.expect import among, equal, holds, provided, same
from infra.mt5.certify.rule import PLAIN, Check, Needs, Rule
from infra.mt5.certify.scene import BUY, MAGIC, MAGICS, SELL, Scene
from infra.mt5.tuples import TradeDeal, TradeOrder

SEND, RESULT = "order_send", "Trade Request Result Structure"
ORDERS, DEALS, POSITIONS = "Order Properties", "Deal Properties", "Position Properties"
FILLED = mt5.ORDER_STATE_FILLED
SIDES = {"buy": BUY, "sell": SELL}


def order_of(scene: Scene, ticket: int) -> TradeOrder:
    """An order that is done."""
    scene.until(lambda: scene.terminal.history_orders_get(ticket=ticket), "the order in history")
    (found,) = scene.given("history_orders_get", ticket=ticket)
    return found  # type: ignore[no-any-return]


def deals_of(scene: Scene, position: int) -> tuple[TradeDeal, ...]:
    """The deals of a position."""
    found: tuple[TradeDeal, ...] = scene.given("history_deals_get", position=position)
    return found


def _price(side: int) -> Check:
    def check(scene: Scene) -> None:
        first = scene.tick()
        position, last = scene.opened(side), scene.tick()
        quotes = [tick.bid if side else tick.ask for tick in (first, last)]
        among("price_open", position.price_open, quotes)

    return check


def _side(side: int) -> Check:
    return lambda scene: same("type", scene.opened(side).type, side)


def _position(name: str, value: Callable[[Scene], Any], **fields: Any) -> Check:
    def check(scene: Scene) -> None:
        same(name, getattr(scene.opened(**fields), name), value(scene))

    return check


def _numbers(scene: Scene) -> None:
    result = scene.done(scene.deal())
    holds("an order above 0", result.order > 0, result)
    (deal, *_) = deals_of(scene, scene.given("positions_get")[-1].identifier)
    same("the deal's order", deal.order, result.order)


def _result(scene: Scene) -> None:
    request = scene.deal()
    result = scene.send(request)
    same("retcode", result.retcode, mt5.TRADE_RETCODE_DONE)
    holds("a deal above 0", result.deal > 0, result)
    same("volume", result.volume, scene.lots)
    holds("a comment", result.comment, result.comment)
    (deal, *_) = scene.given("history_deals_get", ticket=result.order)
    same("price", result.price, deal.price)


def _quoted(scene: Scene) -> None:
    result = scene.done(scene.deal())
    if result.bid or result.ask:
        holds("bid below ask", 0 < result.bid <= result.ask, result)


def _request_ids(scene: Scene) -> None:
    first, second = (scene.done(scene.deal()).request_id for _ in range(2))
    holds("a later request_id", second > first, (first, second))


def _tickets_rise(scene: Scene) -> None:
    first, second = (scene.done(scene.deal()).order for _ in range(2))
    holds("a later ticket", second > first, (first, second))


def _one_of_each(scene: Scene) -> None:
    totals = ("positions_total", "orders_total")
    before = [scene.given(name) for name in totals]
    scene.opened()
    after = [scene.given(name) for name in totals]
    same("one position more, no order", after, [before[0] + 1, before[1]])


def _order(name: str, value: Callable[[Scene], Any]) -> Check:
    def check(scene: Scene) -> None:
        same(name, getattr(order_of(scene, scene.opened().ticket), name), value(scene))

    return check


def _done_whole(scene: Scene) -> None:
    found = order_of(scene, scene.opened().ticket)
    same("volumes", (found.volume_initial, found.volume_current), (scene.lots, 0.0))


def _order_names_position(scene: Scene) -> None:
    position = scene.opened()
    same("position_id", order_of(scene, position.ticket).position_id, position.identifier)


def _deal(name: str, value: Callable[[Scene], Any]) -> Check:
    def check(scene: Scene) -> None:
        (found,) = deals_of(scene, scene.opened().identifier)
        same(name, getattr(found, name), value(scene))

    return check


def _deal_names(scene: Scene) -> None:
    position = scene.opened()
    (found,) = deals_of(scene, position.identifier)
    same("position_id", found.position_id, position.identifier)
    same("price", found.price, position.price_open)


def _commission(scene: Scene) -> None:
    before = scene.account().balance
    (found,) = deals_of(scene, scene.opened().identifier)
    holds("a commission that is not above 0", found.commission <= 0, found.commission)
    equal("the balance", scene.account().balance, before + found.commission + found.fee, 0.011)


def _stops_carried(scene: Scene) -> None:
    sl, tp = scene.price(-1000, SELL), scene.price(1000)
    position = scene.opened(sl=sl, tp=tp)
    same("sl and tp", (position.sl, position.tp), (sl, tp))


def _without_deviation(scene: Scene) -> None:
    """Where the server names the price, the request's is nothing."""
    scene.done(scene.deal(price=0.0, deviation=0))


def _in_two(scene: Scene) -> None:
    """Two deals of a side are two positions where the account hedges."""
    hedges = scene.account().margin_mode == mt5.ACCOUNT_MARGIN_MODE_RETAIL_HEDGING
    provided(hedges, "the account keeps one position of a symbol")
    first, second = scene.opened(), scene.opened()
    holds("two positions", first.ticket != second.ticket, (first.ticket, second.ticket))


def _part_left(scene: Scene) -> None:
    """What immediate-or-cancel does not get is cancelled."""
    request = scene.deal(volume=50.0, type_filling=mt5.ORDER_FILLING_IOC)
    result = scene.send(request)
    found = order_of(scene, result.order)
    ended = (mt5.ORDER_STATE_CANCELED, mt5.ORDER_STATE_PARTIAL)
    among("its state", found.state, ended)
    equal("what is left", found.volume_current, 50.0 - result.volume, 1e-6)


def _part_waits(scene: Scene) -> None:
    """What an exchange does not have at once waits as an order."""
    request = scene.deal(volume=50.0, type_filling=mt5.ORDER_FILLING_RETURN)
    result = scene.send(request)
    (left,) = scene.given("orders_get", ticket=result.order)
    same("its state", left.state, mt5.ORDER_STATE_PARTIAL)
    equal("what is left", left.volume_current, 50.0 - result.volume, 1e-6)


def _walks_the_book(scene: Scene) -> None:
    tick = scene.tick()
    result = scene.send(scene.deal(volume=5.0, type_filling=mt5.ORDER_FILLING_IOC))
    holds("a mean price above the best", result.price > tick.ask, (tick.ask, result.price))


def _refused(scene: Scene) -> None:
    before = (scene.account().balance, scene.given("history_orders_total", *scene.span()))
    result = scene.send(scene.deal(volume=0.0))
    same("deal, order and volume", (result.deal, result.order, result.volume), (0, 0, 0.0))
    after = (scene.account().balance, scene.given("history_orders_total", *scene.span()))
    same("balance and orders", after, before)


def _rule(number: int, title: str, page: str, check: Check, situation: str = PLAIN) -> Rule:
    return Rule(number, title, page, check, Needs.TRADE, situation)


RULES = (
    _rule(1001, "buy deals at the ask", SEND, _price(BUY)),
    _rule(1002, "sell deals at the bid", SEND, _price(SELL)),
    *(
        _rule(1003 + index, f"{name} makes a position of its side", POSITIONS, _side(side))
        for index, (name, side) in enumerate(SIDES.items())
    ),
    _rule(1005, "order and deal have numbers, the deal names its order", RESULT, _numbers),
    _rule(1006, "the result tells deal, volume, price, comment", RESULT, _result),
    _rule(1007, "the result's quote is one", RESULT, _quoted),
    _rule(1008, "request_id grows", RESULT, _request_ids),
    _rule(1009, "tickets grow", ORDERS, _tickets_rise),
    _rule(1010, "one position more, no order left", "positions_total", _one_of_each),
    _rule(1011, "the position has the volume", POSITIONS, _position("volume", lambda s: s.lots)),
    _rule(1012, "the position has the symbol", POSITIONS, _position("symbol", lambda s: s.symbol)),
    _rule(1013, "the position has the magic", POSITIONS, _position("magic", lambda _: MAGIC)),
    _rule(
        1014,
        "a magic of 63 bits stays whole",
        POSITIONS,
        _position("magic", lambda _: MAGICS[1], magic=MAGICS[1]),
    ),
    _rule(
        1015,
        "the position has the comment",
        POSITIONS,
        _position("comment", lambda _: "certify"),
    ),
    _rule(
        1016,
        "a position of a program says so",
        POSITIONS,
        _position("reason", lambda _: mt5.POSITION_REASON_EXPERT),
    ),
    _rule(1017, "stops of the request are the position's", SEND, _stops_carried),
    _rule(1018, "without stops they are 0", POSITIONS, _position("sl", lambda _: 0.0)),
    _rule(1021, "the order is filled", ORDERS, _order("state", lambda _: FILLED)),
    _rule(1022, "the order has the magic", ORDERS, _order("magic", lambda _: MAGIC)),
    _rule(1023, "the order is of its kind", ORDERS, _order("type", lambda _: BUY)),
    _rule(
        1024,
        "an order of a program says so",
        ORDERS,
        _order("reason", lambda _: mt5.ORDER_REASON_EXPERT),
    ),
    _rule(1025, "nothing is left of the order", ORDERS, _done_whole),
    _rule(1026, "the order names its position", ORDERS, _order_names_position),
    _rule(1031, "the deal goes in", DEALS, _deal("entry", lambda _: mt5.DEAL_ENTRY_IN)),
    _rule(1032, "the deal is of its side", DEALS, _deal("type", lambda _: mt5.DEAL_TYPE_BUY)),
    _rule(1033, "the deal has the magic", DEALS, _deal("magic", lambda _: MAGIC)),
    _rule(1034, "the deal has the volume", DEALS, _deal("volume", lambda s: s.lots)),
    _rule(1035, "an opening deal gains nothing", DEALS, _deal("profit", lambda _: 0.0)),
    _rule(
        1036,
        "a deal of a program says so",
        DEALS,
        _deal("reason", lambda _: mt5.DEAL_REASON_EXPERT),
    ),
    _rule(1037, "the deal names its position, at its price", DEALS, _deal_names),
    _rule(1038, "commission is paid from the balance", DEALS, _commission),
    _rule(1041, "a hedging account opens a position a deal", POSITIONS, _in_two),
    _rule(1042, "a refusal leaves no trace", SEND, _refused),
    _rule(
        1051, "execution by market takes no price", SEND, _without_deviation, "execution by market"
    ),
    _rule(1052, "immediate-or-cancel leaves the rest", ORDERS, _part_left, "book"),
    _rule(1053, "an order that returns waits with the rest", ORDERS, _part_waits, "returning book"),
    _rule(1054, "a large order walks the book", "market_book_get", _walks_the_book, "book"),
)
