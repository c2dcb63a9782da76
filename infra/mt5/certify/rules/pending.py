"""Pending orders, all six kinds: placed, refused, activated, expired, changed, taken back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from infra.mt5 import constants as mt5
from infra.mt5.certify.expect import among, holds, same
from infra.mt5.certify.rule import PLAIN, Check, Needs, Rule
from infra.mt5.certify.rules.market import deals_of, order_of
from infra.mt5.certify.scene import ACCEPTED, LONG_MS, MAGIC, SELL, Scene
from infra.mt5.tuples import TradeOrder

SEND, ORDERS = "order_send", "Order Properties"
FAR, NEAR = 1000, 15
TIME = "time"
INVALID_PRICE = mt5.TRADE_RETCODE_INVALID_PRICE


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of pending order: where it waits, seen from the market, and its limit beyond."""

    name: str
    type: int
    above: bool
    limit: int = 0  # points from the trigger to the limit of a stop-limit order

    @property
    def side(self) -> int:
        """Even types buy."""
        return SELL if self.type % 2 else mt5.ORDER_TYPE_BUY

    def placed(self, scene: Scene, points: int, **fields: Any) -> TradeOrder:
        """One that waits so far from the market."""
        return scene.placed(
            self.type, self.price(scene, points), **self.more(scene, points), **fields
        )

    def price(self, scene: Scene, points: int) -> float:
        """A price so far from the market, on the right side of it."""
        return scene.price(points if self.above else -points, self.side)

    def more(self, scene: Scene, points: int) -> dict[str, float]:
        """The limit of a stop-limit order."""
        if not self.limit:
            return {}
        away = (points if self.above else -points) + self.limit
        return {"stoplimit": scene.price(away, self.side)}


KINDS = (
    Kind("buy limit", mt5.ORDER_TYPE_BUY_LIMIT, above=False),
    Kind("sell limit", mt5.ORDER_TYPE_SELL_LIMIT, above=True),
    Kind("buy stop", mt5.ORDER_TYPE_BUY_STOP, above=True),
    Kind("sell stop", mt5.ORDER_TYPE_SELL_STOP, above=False),
    Kind("buy stop limit", mt5.ORDER_TYPE_BUY_STOP_LIMIT, above=True, limit=-30),
    Kind("sell stop limit", mt5.ORDER_TYPE_SELL_STOP_LIMIT, above=False, limit=30),
)


def _waits(kind: Kind) -> Check:
    def check(scene: Scene) -> None:
        price = kind.price(scene, FAR)
        order = scene.placed(kind.type, price, **kind.more(scene, FAR))
        same("type and price", (order.type, order.price_open), (kind.type, price))
        same("state", order.state, mt5.ORDER_STATE_PLACED)
        same("volume", (order.volume_initial, order.volume_current), (scene.lots, scene.lots))

    return check


def _wrong_side(kind: Kind) -> Check:
    def check(scene: Scene) -> None:
        points = -FAR if kind.above else FAR
        request = scene.waiting(kind.type, scene.price(points, kind.side), **kind.more(scene, FAR))
        same("retcode", scene.send(request).retcode, INVALID_PRICE)

    return check


def _taken_back(kind: Kind) -> Check:
    def check(scene: Scene) -> None:
        ticket = kind.placed(scene, FAR).ticket
        result = scene.send({"action": mt5.TRADE_ACTION_REMOVE, "order": ticket})
        same("retcode", result.retcode, mt5.TRADE_RETCODE_DONE)
        same("state", order_of(scene, ticket).state, mt5.ORDER_STATE_CANCELED)
        same("active orders of the ticket", scene.given("orders_get", ticket=ticket), ())

    return check


def _activated(kind: Kind) -> Check:
    def check(scene: Scene) -> None:
        order = kind.placed(scene, NEAR)
        gone = scene.terminal.orders_get
        scene.until(lambda: not gone(ticket=order.ticket), "the order touched", LONG_MS)
        done = order_of(scene, order.ticket)
        same("state", done.state, mt5.ORDER_STATE_FILLED)
        (deal, *_) = deals_of(scene, done.position_id)
        same("order and entry", (deal.order, deal.entry), (order.ticket, mt5.DEAL_ENTRY_IN))
        better = deal.price <= order.price_open if not kind.side else deal.price >= order.price_open
        if kind.type in (mt5.ORDER_TYPE_BUY_LIMIT, mt5.ORDER_TYPE_SELL_LIMIT):
            holds("a price not worse than the limit", better, (order.price_open, deal.price))

    return check


def _becomes_a_limit(kind: Kind) -> Check:
    """When a stop-limit order is touched it waits on as a limit order."""

    def check(scene: Scene) -> None:
        limit = mt5.ORDER_TYPE_SELL_LIMIT if kind.side else mt5.ORDER_TYPE_BUY_LIMIT
        far = Kind(kind.name, kind.type, kind.above, kind.limit * 100)
        order = far.placed(scene, NEAR)

        def touched() -> bool:
            (now,) = scene.given("orders_get", ticket=order.ticket)
            return bool(now.type != kind.type)

        scene.until(touched, "the order touched", LONG_MS)
        (now,) = scene.given("orders_get", ticket=order.ticket)
        same("type and price", (now.type, now.price_open), (limit, order.price_stoplimit))

    return check


def _changed(name: str, **fields: Callable[[Scene], float]) -> Check:
    def check(scene: Scene) -> None:
        order = KINDS[0].placed(scene, FAR)
        asked = {"price": order.price_open, "sl": order.sl, "tp": order.tp}
        asked |= {each: value(scene) for each, value in fields.items()}
        change = {"action": mt5.TRADE_ACTION_MODIFY, "order": order.ticket, **asked}
        same("retcode", scene.send(change).retcode, mt5.TRADE_RETCODE_DONE)
        (now,) = scene.given("orders_get", ticket=order.ticket)
        wanted = next(iter(fields))
        same(name, getattr(now, name), asked[wanted])

    return check


def _changed_to_the_same(scene: Scene) -> None:
    order = KINDS[0].placed(scene, FAR)
    change = {"action": mt5.TRADE_ACTION_MODIFY, "order": order.ticket, "price": order.price_open}
    same("retcode", scene.send(change).retcode, mt5.TRADE_RETCODE_NO_CHANGES)


def _changed_to_wrong(scene: Scene) -> None:
    order = KINDS[0].placed(scene, FAR)
    above = scene.price(FAR)
    change = {"action": mt5.TRADE_ACTION_MODIFY, "order": order.ticket, "price": above}
    same("retcode", scene.send(change).retcode, INVALID_PRICE)
    (now,) = scene.given("orders_get", ticket=order.ticket)
    same("price", now.price_open, order.price_open)


def _no_such(action: int) -> Check:
    def check(scene: Scene) -> None:
        request = {"action": action, "order": 2**40, "price": scene.price(-FAR)}
        same("retcode", scene.send(request).retcode, mt5.TRADE_RETCODE_INVALID_ORDER)

    return check


def _shown(name: str, value: Callable[[Scene], Any]) -> Check:
    return lambda scene: same(name, getattr(KINDS[0].placed(scene, FAR), name), value(scene))


def _answered(scene: Scene) -> None:
    result = scene.send(scene.waiting(KINDS[0].type, scene.price(-FAR)))
    among("retcode", result.retcode, ACCEPTED)
    same("deal", result.deal, 0)
    holds("an order above 0", result.order > 0, result)


def _bound_to_nothing(scene: Scene) -> None:
    before = scene.given("positions_total")
    KINDS[0].placed(scene, FAR)
    same("positions", scene.given("positions_total"), before)


def _expires(scene: Scene) -> None:
    ends_s = scene.now_s() + 120
    order = KINDS[0].placed(scene, FAR, type_time=mt5.ORDER_TIME_SPECIFIED, expiration=ends_s)
    same("time_expiration", order.time_expiration, ends_s)
    scene.let_pass(240_000)
    same("state", order_of(scene, order.ticket).state, mt5.ORDER_STATE_EXPIRED)


def _ends_with_its_day(scene: Scene) -> None:
    order = KINDS[0].placed(scene, FAR * 9, type_time=mt5.ORDER_TIME_DAY)
    scene.let_pass(24 * 3_600_000)
    same("state", order_of(scene, order.ticket).state, mt5.ORDER_STATE_EXPIRED)


def _stays(scene: Scene) -> None:
    order = KINDS[0].placed(scene, FAR * 9, type_time=mt5.ORDER_TIME_GTC)
    scene.let_pass(24 * 3_600_000)
    found = scene.given("orders_get", ticket=order.ticket)
    same("orders", [each.ticket for each in found], [order.ticket])


def _expired_before(scene: Scene) -> None:
    more = {"type_time": mt5.ORDER_TIME_SPECIFIED, "expiration": scene.now_s() - 3_600}
    request = scene.waiting(KINDS[0].type, scene.price(-FAR), **more)
    same("retcode", scene.send(request).retcode, mt5.TRADE_RETCODE_INVALID_EXPIRATION)


def _off_grid(scene: Scene) -> None:
    price = scene.price(-FAR) + scene.info().point / 3
    request = scene.waiting(KINDS[0].type, price)
    same("retcode", scene.send(request).retcode, INVALID_PRICE)


def _rule(number: int, title: str, check: Check, situation: str = PLAIN, page: str = SEND) -> Rule:
    return Rule(number, title, page, check, Needs.TRADE, situation)


def _of_each(first: int, title: str, made: Callable[[Kind], Check], situation: str) -> list[Rule]:
    return [
        _rule(first + index, f"{kind.name}: {title}", made(kind), situation)
        for index, kind in enumerate(KINDS)
    ]


LIMITED = KINDS[4:]
RULES = (
    *_of_each(1101, "waits as it was sent", _waits, PLAIN),
    *_of_each(1111, "on the wrong side of the market is 10015", _wrong_side, PLAIN),
    *_of_each(1121, "can be taken back", _taken_back, PLAIN),
    *_of_each(1131, "is filled when the market comes", _activated, TIME),
    *(
        _rule(1141 + index, f"{kind.name}: waits on as a limit", _becomes_a_limit(kind), TIME)
        for index, kind in enumerate(LIMITED)
    ),
    _rule(
        1151, "its price can be changed", _changed("price_open", price=lambda s: s.price(-FAR * 2))
    ),
    _rule(1152, "its stop can be changed", _changed("sl", sl=lambda s: s.price(-FAR * 3))),
    _rule(1153, "its take profit can be changed", _changed("tp", tp=lambda s: s.price(FAR))),
    _rule(1154, "a change to the same is 10025", _changed_to_the_same),
    _rule(1155, "a change to a wrong price is 10015 and changes nothing", _changed_to_wrong),
    _rule(1156, "changing no order is 10035", _no_such(mt5.TRADE_ACTION_MODIFY)),
    _rule(1157, "removing no order is 10035", _no_such(mt5.TRADE_ACTION_REMOVE)),
    _rule(1161, "it has the magic", _shown("magic", lambda _: MAGIC), page=ORDERS),
    _rule(1162, "it has the comment", _shown("comment", lambda _: "certify"), page=ORDERS),
    _rule(1163, "it is not done", _shown("time_done", lambda _: 0), page=ORDERS),
    _rule(
        1164,
        "it is of a program",
        _shown("reason", lambda _: mt5.ORDER_REASON_EXPERT),
        page=ORDERS,
    ),
    _rule(1165, "it has no position", _shown("position_id", lambda _: 0), page=ORDERS),
    _rule(1166, "placing answers with an order and no deal", _answered),
    _rule(1167, "it opens nothing by itself", _bound_to_nothing),
    _rule(1171, "it expires at its time", _expires, TIME),
    _rule(1172, "one of the day ends with it", _ends_with_its_day, TIME),
    _rule(1173, "one without an end stays", _stays, TIME),
    _rule(1174, "a time that has passed is 10022", _expired_before),
    _rule(1175, "a price off the digits is 10015", _off_grid),
)
