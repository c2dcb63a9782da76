"""The arguments of trade requests, of `order_check` and `order_send`, and of the lists."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from enum import IntEnum
from typing import Any

import numpy as np

from infra.mt5 import constants as mt5
from infra.mt5.certify.expect import holds, same
from infra.mt5.certify.rule import Check, Needs, Rule
from infra.mt5.certify.scene import Scene

CHECK, SEND, REQUEST = "order_check", "order_send", "Trade Request Structure"
UNITS = 29
U32, U64, I64 = 1 << 32, 1 << 64, 1 << 63
# In a fixed order, which numbers them: a field, a value that is refused, and what it is.
WRONG: tuple[tuple[str, Any, str], ...] = (
    ("action", "1", "a text"),
    ("action", -1, "below 0"),
    ("magic", -1, "below 0"),
    ("magic", U64, "of 65 bits"),
    ("order", 1.0, "a float"),
    ("symbol", 7, "an int"),
    ("symbol", "x" * (UNITS + 1), "of 30 characters"),
    ("volume", 1, "an int"),
    ("volume", Decimal("0.1"), "a Decimal"),
    ("price", 1, "an int"),
    ("price", "1.1", "a text"),
    ("stoplimit", 1, "an int"),
    ("sl", 1, "an int"),
    ("tp", 1, "an int"),
    ("tp", None, "None"),
    ("deviation", -1, "below 0"),
    ("deviation", 10.0, "a float"),
    ("type", U32, "of 33 bits"),
    ("type", "BUY", "a text"),
    ("type_filling", -1, "below 0"),
    ("type_time", 0.0, "a float"),
    ("expiration", datetime(2030, 1, 1, tzinfo=UTC), "a datetime"),
    ("expiration", I64, "of 65 bits"),
    ("comment", "x" * (UNITS + 1), "of 30 characters"),
    ("comment", None, "None"),
    ("comment", "\N{ROCKET}" * 15, "of 30 UTF-16 units"),
    ("position", "1", "a text"),
    ("position_by", -1, "below 0"),
)
SENT_TOO = ("volume", "price", "comment", "symbol", "expiration", "type")


class _Kind(IntEnum):
    """Constants that a program may have made its own."""

    BUY = mt5.ORDER_TYPE_BUY


class _Price(float):
    """A float of a program's own."""


def _refused(function: str, name: str, value: object) -> Check:
    def check(scene: Scene) -> None:
        before = scene.given("history_orders_total", *scene.span())
        scene.refuses(name, function, {**scene.deal(), name: value})
        same("orders made", scene.given("history_orders_total", *scene.span()), before)

    return check


def _taken(**fields: Any) -> Check:
    """A request with these fields gets an answer, which holds them."""

    def check(scene: Scene) -> None:
        found = scene.given(CHECK, {**scene.deal(), **fields}).request
        for name, value in fields.items():
            holds(f"{name} as it was given", getattr(found, name) == value, found)

    return check


def _numpy(scene: Scene) -> None:
    lots = np.float64(scene.lots)
    same("volume", scene.given(CHECK, scene.deal(volume=lots)).request.volume, scene.lots)


def _float_subclass(scene: Scene) -> None:
    price = scene.price(0)
    same("price", scene.given(CHECK, scene.deal(price=_Price(price))).request.price, price)


def _keywords(scene: Scene) -> None:
    by_dict, by_name = scene.given(CHECK, scene.deal()), scene.given(CHECK, **scene.deal())
    same("the request", by_name.request, by_dict.request)


def _unknown_key(scene: Scene) -> None:
    found = scene.given(CHECK, {**scene.deal(), "colour": "blue"})
    same("the fields", "colour" in found.request._asdict(), False)


def _zero(scene: Scene) -> None:
    found = scene.given(CHECK, {"action": mt5.TRADE_ACTION_DEAL}).request
    texts, numbers = (found.symbol, found.comment), set(found[1:3] + found[4:14] + found[15:])
    same("the texts", texts, ("", ""))
    same("the numbers", numbers, {0})


def _echo(scene: Scene) -> None:
    given = {**scene.deal(), "magic": 2**40, "sl": 0.5, "comment": "echo"}
    found = scene.given(CHECK, given).request._asdict()
    same("the request", {name: found[name] for name in given}, given)


def _not_a_dict(function: str) -> Check:
    def check(scene: Scene) -> None:
        scene.fails(None, mt5.RES_E_INVALID_PARAMS, None, function, [1])

    return check


def _nothing(function: str) -> Check:
    def check(scene: Scene) -> None:
        scene.fails(None, mt5.RES_E_INVALID_PARAMS, None, function)

    return check


def _positional(function: str) -> Check:
    def check(scene: Scene) -> None:
        code = mt5.RES_E_INVALID_PARAMS
        scene.fails(None, code, "Unnamed arguments not allowed", function, scene.symbol)

    return check


def _argument(name: str, function: str, *arguments: Any, **keywords: Any) -> Check:
    return lambda scene: scene.refuses(name, function, *arguments, **keywords)


def _calc(name: str, function: str, *rest: Any) -> Check:
    return lambda scene: scene.refuses(name, function, 0, scene.symbol, *rest)


def _changes_nothing(scene: Scene) -> None:
    before = (scene.account().balance, scene.given("positions_total"), scene.given("orders_total"))
    for _ in range(3):
        scene.given(CHECK, scene.deal())
    after = (scene.account().balance, scene.given("positions_total"), scene.given("orders_total"))
    same("balance, positions and orders", after, before)


_LISTS: tuple[tuple[str, str, Check], ...] = (
    ("orders_get", "takes keywords only", _positional("orders_get")),
    ("positions_get", "takes keywords only", _positional("positions_get")),
    (
        "orders_get",
        "refuses a ticket that is a text",
        _argument("ticket", "orders_get", ticket="1"),
    ),
    ("positions_get", "refuses a ticket below 0", _argument("ticket", "positions_get", ticket=-1)),
    ("orders_get", "refuses a symbol that is an int", _argument("symbol", "orders_get", symbol=1)),
    (
        "positions_get",
        "refuses a symbol of 30 characters",
        _argument("symbol", "positions_get", symbol="x" * 30),
    ),
    (
        "positions_get",
        "refuses a group that is an int",
        _argument("group", "positions_get", group=1),
    ),
    (
        "history_orders_get",
        "refuses a ticket that is a text",
        _argument("ticket", "history_orders_get", ticket="1"),
    ),
    (
        "history_deals_get",
        "refuses a position below 0",
        _argument("position", "history_deals_get", position=-1),
    ),
    (
        "history_deals_get",
        "refuses a date that is a text",
        _argument("date_from", "history_deals_get", "now", 1),
    ),
    (
        "history_orders_get",
        "refuses an end that is a text",
        _argument("date_to", "history_orders_get", 0, "now"),
    ),
    (
        "history_orders_get",
        "refuses a group of 1,998 characters",
        _argument("group", "history_orders_get", 0, 1, group="x" * 1998),
    ),
    (
        "history_deals_total",
        "refuses a date of 33 bits",
        _argument("date_to", "history_deals_total", 0, U32),
    ),
    (
        "history_orders_total",
        "refuses a date before 1970",
        _argument("date_from", "history_orders_total", -1, 1),
    ),
    (
        "order_calc_margin",
        "refuses a volume that is a text",
        _calc("volume", "order_calc_margin", "1", 1.1),
    ),
    (
        "order_calc_margin",
        "refuses a price that is a text",
        _calc("price", "order_calc_margin", 1.0, "1.1"),
    ),
    (
        "order_calc_profit",
        "refuses a closing price that is none",
        _calc("price_close", "order_calc_profit", 1.0, 1.1, None),
    ),
    (
        "order_calc_profit",
        "refuses an action that is a text",
        _argument("action", "order_calc_profit", "0", "EURUSD", 1.0, 1.1, 1.2),
    ),
)
RULES = (
    *(
        Rule(
            701 + index,
            f"{name} {what} is refused by its name",
            CHECK,
            _refused(CHECK, name, value),
        )
        for index, (name, value, what) in enumerate(WRONG)
    ),
    *(
        Rule(
            731 + index,
            f"order_send refuses {name} {what}, and sends nothing",
            SEND,
            _refused(SEND, name, value),
            Needs.TRADE,
        )
        for index, (name, value, what) in enumerate(
            next(each for each in WRONG if each[0] == name) for name in SENT_TOO
        )
    ),
    Rule(741, "a numpy float64 is a float", CHECK, _numpy),
    Rule(742, "a subclass of float is a float", CHECK, _float_subclass),
    Rule(743, "an IntEnum is an int", CHECK, _taken(type=_Kind.BUY)),
    Rule(744, "a comment of 29 characters is taken", CHECK, _taken(comment="c" * UNITS)),
    Rule(745, "a magic of 64 bits is taken", CHECK, _taken(magic=U64 - 1)),
    Rule(746, "an expiration below 0 is taken as it is", CHECK, _taken(expiration=-1)),
    Rule(747, "fields may be keywords", CHECK, _keywords),
    Rule(748, "an unknown key is ignored", CHECK, _unknown_key),
    Rule(749, "what is missing is zero", REQUEST, _zero),
    Rule(750, "the answer holds the request as it was", CHECK, _echo),
    Rule(751, "order_check refuses what is no dict", CHECK, _not_a_dict(CHECK)),
    Rule(752, "order_send refuses what is no dict", SEND, _not_a_dict(SEND)),
    Rule(753, "order_check without arguments is refused", CHECK, _nothing(CHECK)),
    Rule(754, "order_send without arguments is refused", SEND, _nothing(SEND)),
    Rule(755, "order_check changes nothing", CHECK, _changes_nothing),
    *(
        Rule(761 + index, f"{function} {what}", function, check)
        for index, (function, what, check) in enumerate(_LISTS)
    ),
)
