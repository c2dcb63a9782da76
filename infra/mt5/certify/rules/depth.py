"""Depth of market: told of beforehand, read, given up."""

from __future__ import annotations

from typing import Any

from infra.mt5 import constants as mt5
from infra.mt5.certify.expect import fields, holds, kinds, same
from infra.mt5.certify.rule import Check, Needs, Rule, steady
from infra.mt5.certify.scene import Scene

ADD, GET, RELEASE = "market_book_add", "market_book_get", "market_book_release"
BOOK = "book"
NAMES = ("type", "price", "volume", "volume_dbl")
SIDES = (mt5.BOOK_TYPE_SELL, mt5.BOOK_TYPE_BUY)


def _levels(scene: Scene) -> tuple[Any, ...]:
    same(ADD, scene.call(ADD, scene.symbol), True)
    found: tuple[Any, ...] = scene.given(GET, scene.symbol)
    return found


def _added(scene: Scene) -> None:
    same(ADD, scene.call(ADD, scene.symbol), True)
    scene.succeeded()


def _is_tuple(scene: Scene) -> None:
    same("the kind", type(_levels(scene)), tuple)


def _fields(scene: Scene) -> None:
    fields(_levels(scene)[0], NAMES)


def _kinds(scene: Scene) -> None:
    for level in _levels(scene):
        kinds(level, int, ("type", "volume"))
        kinds(level, float, ("price", "volume_dbl"))


def _sides(scene: Scene) -> None:
    found = [level.type for level in _levels(scene)]
    same("sellers, then buyers", found, sorted(found))
    same("both sides", sorted(set(found)), sorted(SIDES))


def _falls(scene: Scene) -> None:
    prices = [level.price for level in _levels(scene)]
    same("prices from the dearest on", prices, sorted(prices, reverse=True))
    same("prices that are there twice", len(prices) - len(set(prices)), 0)


def _around(scene: Scene) -> None:
    levels, tick = _levels(scene), scene.tick()
    asks = [level.price for level in levels if level.type == mt5.BOOK_TYPE_SELL]
    bids = [level.price for level in levels if level.type == mt5.BOOK_TYPE_BUY]
    same("the best prices", (max(bids), min(asks)), (tick.bid, tick.ask))


def _volumes(scene: Scene) -> None:
    for level in _levels(scene):
        same("volume", level.volume, int(level.volume_dbl))
        holds("something on offer", level.volume_dbl > 0, level)


def _deep(scene: Scene) -> None:
    deepest = scene.info().ticks_bookdepth
    for side in SIDES:
        found = sum(level.type == side for level in _levels(scene))
        holds(f"at most {deepest} levels", 0 < found <= deepest, found)


def _not_added(scene: Scene) -> None:
    scene.call(RELEASE, scene.symbol)
    same(GET, scene.call(GET, scene.symbol), None)
    code = scene.terminal.last_error()[0]
    holds("an error", code != mt5.RES_S_OK, code)


def _released(scene: Scene) -> None:
    same(ADD, scene.call(ADD, scene.symbol), True)
    same(RELEASE, scene.call(RELEASE, scene.symbol), True)
    scene.succeeded()


def _gone(scene: Scene) -> None:
    same(ADD, scene.call(ADD, scene.symbol), True)
    same(RELEASE, scene.call(RELEASE, scene.symbol), True)
    same(GET, scene.call(GET, scene.symbol), None)


def _quiet(function: str) -> Check:
    def check(scene: Scene) -> None:
        same(function, scene.call(function, "NOWHERE"), False)
        scene.succeeded()

    return check


def _refused(function: str) -> Check:
    return lambda scene: scene.refuses("symbol", function, 7)


def _too_long(function: str) -> Check:
    return lambda scene: scene.refuses("symbol", function, "x" * 30)


def _rule(number: int, title: str, page: str, check: Check, situation: str = "plain") -> Rule:
    return Rule(number, title, page, check, Needs.READ, situation)


RULES = (
    _rule(601, "market_book_add answers True", ADD, _added),
    _rule(602, "market_book_get gives a tuple", GET, _is_tuple),
    _rule(603, "a level has four fields in order", GET, _fields, BOOK),
    _rule(604, "a level's fields are of their kinds", GET, _kinds, BOOK),
    _rule(605, "sellers come first", GET, _sides, BOOK),
    _rule(606, "prices fall from the dearest on", GET, _falls, BOOK),
    _rule(607, "the best prices are bid and ask", GET, steady(_around), BOOK),
    _rule(608, "volume is volume_dbl without its fraction", GET, _volumes, BOOK),
    _rule(609, "no more levels than ticks_bookdepth", GET, _deep, BOOK),
    _rule(610, "market_book_get without market_book_add is None", GET, _not_added),
    _rule(611, "market_book_release answers True", RELEASE, _released),
    _rule(612, "after market_book_release there is no book", GET, _gone),
    _rule(613, "market_book_add of an unknown symbol is False, Success", ADD, _quiet(ADD)),
    _rule(614, "market_book_release of what was not added is False", RELEASE, _quiet(RELEASE)),
    _rule(615, "market_book_add refuses what is no text: None, -2", ADD, _refused(ADD)),
    _rule(616, "market_book_get refuses what is no text: None, -2", GET, _refused(GET)),
    _rule(617, "market_book_release refuses what is no text", RELEASE, _refused(RELEASE)),
    _rule(618, "market_book_add refuses 30 characters", ADD, _too_long(ADD)),
)
