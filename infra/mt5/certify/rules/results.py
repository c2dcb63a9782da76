"""The tuples of results: names, order and kinds of their fields."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from infra.mt5 import constants as mt5
from infra.mt5.certify.expect import fields, holds, kinds, same
from infra.mt5.certify.rule import Check, Needs, Rule
from infra.mt5.certify.scene import Scene
from infra.mt5.tuples import (
    OrderCheckResult,
    OrderSendResult,
    TradeDeal,
    TradeOrder,
    TradePosition,
    TradeRequest,
)

READ, TRADE = Needs.READ, Needs.TRADE
WORDS = {int: "ints", float: "floats", str: "texts"}
U32 = 1 << 32


def _active(scene: Scene) -> Any:
    return scene.placed(mt5.ORDER_TYPE_BUY_LIMIT, scene.price(-1000))


def _done(scene: Scene) -> Any:
    (found, *_) = scene.given("history_orders_get", position=scene.opened().identifier)
    return found


def _deal(scene: Scene) -> Any:
    (found, *_) = scene.given("history_deals_get", position=scene.opened().identifier)
    return found


Made = Callable[[Scene], Any]
# Name, page, tuple of ours with its fields in order, how to get one, and what that takes.
TUPLES: tuple[tuple[str, str, Any, Made, Needs], ...] = (
    ("TradePosition", "positions_get", TradePosition, lambda scene: scene.opened(), TRADE),
    ("TradeOrder (active)", "orders_get", TradeOrder, _active, TRADE),
    ("TradeOrder (done)", "history_orders_get", TradeOrder, _done, TRADE),
    ("TradeDeal", "history_deals_get", TradeDeal, _deal, TRADE),
    (
        "OrderSendResult",
        "order_send",
        OrderSendResult,
        lambda scene: scene.send(scene.deal(volume=0.0)),
        TRADE,
    ),
    (
        "OrderCheckResult",
        "order_check",
        OrderCheckResult,
        lambda scene: scene.given("order_check", scene.deal()),
        READ,
    ),
    (
        "TradeRequest",
        "Trade Request Structure",
        TradeRequest,
        lambda scene: scene.given("order_check", scene.deal()).request,
        READ,
    ),
)


def _fields(made: Made, names: tuple[str, ...]) -> Check:
    return lambda scene: fields(made(scene), names)


def _kinds(made: Made, owner: Any, kind: type) -> Check:
    names = [name for name, said in owner.__annotations__.items() if said is kind]
    return lambda scene: kinds(made(scene), kind, names)


def _nested(scene: Scene) -> None:
    found = scene.given("order_check", scene.deal())
    holds("a request that is a struct", hasattr(found.request, "_asdict"), found.request)
    holds("a struct in _asdict() too", hasattr(found._asdict()["request"], "_asdict"), found)


def _nested_sent(scene: Scene) -> None:
    found = scene.send(scene.deal(volume=0.0))
    same("the request's fields", tuple(found.request._asdict()), TradeRequest._fields)


def _by_index(scene: Scene) -> None:
    found = scene.given("order_check", scene.deal())
    same("the first", found[0], found.retcode)
    same("how many", len(found), len(OrderCheckResult._fields))


def _frozen(scene: Scene) -> None:
    found = scene.account()
    try:
        found.balance = 0.0  # type: ignore[misc]  # what the rule is about
    except (AttributeError, TypeError):
        return
    holds("a tuple that nobody changes", False, found)


def _bounded(scene: Scene) -> None:
    found = scene.send(scene.deal(volume=0.0))
    holds("a retcode of 32 bits", 0 < found.retcode < U32, found.retcode)
    holds("a request_id of 32 bits", 0 <= found.request_id < U32, found.request_id)


def _each(first: int) -> list[Rule]:
    """A rule for the order of fields and one for each of their kinds, five numbers a tuple."""
    found = []
    for index, (name, page, owner, made, needs) in enumerate(TUPLES):
        number = first + 5 * index
        title = f"{name}: the {len(owner._fields)} fields in order"
        found.append(Rule(number, title, page, _fields(made, owner._fields), needs))
        found += [
            Rule(
                number + 1 + n, f"{name}: its {WORDS[kind]}", page, _kinds(made, owner, kind), needs
            )
            for n, kind in enumerate(WORDS)
        ]
    return found


RULES = (
    *_each(1701),
    Rule(1741, "a nested request stays a struct", "order_check", _nested),
    Rule(1742, "the request is sent back", "order_send", _nested_sent, TRADE),
    Rule(1743, "a result is a tuple as well", "order_check", _by_index),
    Rule(1744, "a result cannot be changed", "account_info", _frozen),
    Rule(1745, "retcode and request_id are of 32 bits", "order_send", _bounded, TRADE),
)
