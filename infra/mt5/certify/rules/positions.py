"""What is open: positions and active orders, and how they are chosen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from infra.mt5 import constants as mt5
from infra.mt5.certify.expect import among, equal, same
from infra.mt5.certify.rule import PLAIN, Check, Needs, Rule
from infra.mt5.certify.scene import BUY, SELL, Scene

POSITIONS, ORDERS, PROPERTIES = "positions_get", "orders_get", "Position Properties"
NOBODY = 2**40
LISTS = (POSITIONS, ORDERS)


def _some(scene: Scene, function: str) -> Any:
    """A position, or an order that waits."""
    if function == POSITIONS:
        return scene.opened()
    return scene.placed(mt5.ORDER_TYPE_BUY_LIMIT, scene.price(-1000))


def _is_tuple(scene: Scene, function: str) -> None:
    same("the kind", type(scene.given(function)), tuple)


def _total(scene: Scene, function: str) -> None:
    _some(scene, function)
    count = len(scene.given(function))
    same("the total", scene.given(function.replace("_get", "_total")), count)


def _by_ticket(scene: Scene, function: str) -> None:
    first, _ = _some(scene, function), _some(scene, function)
    found = scene.given(function, ticket=first.ticket)
    same("tickets", [each.ticket for each in found], [first.ticket])


def _by_symbol(scene: Scene, function: str) -> None:
    one = _some(scene, function)
    found = scene.given(function, symbol=scene.symbol)
    same("symbols", {each.symbol for each in found}, {scene.symbol})
    same("the new one among them", one.ticket in {each.ticket for each in found}, True)


def _by_group(scene: Scene, function: str) -> None:
    _some(scene, function)
    found = scene.given(function, group=f"{scene.symbol[:2]}*")
    same("the new one among them", scene.symbol in {each.symbol for each in found}, True)
    but = scene.given(function, group=f"*,!{scene.symbol}")
    same("ones of the symbol", [each for each in but if each.symbol == scene.symbol], [])


def _ticket_wins(scene: Scene, function: str) -> None:
    one = _some(scene, function)
    found = scene.given(function, ticket=one.ticket, symbol="NOWHERE", group="NOWHERE")
    same("tickets", [each.ticket for each in found], [one.ticket])


def _symbol_wins(scene: Scene, function: str) -> None:
    _some(scene, function)
    found = scene.given(function, symbol=scene.symbol, group="NOWHERE")
    same("symbols", {each.symbol for each in found}, {scene.symbol})


def _nothing(**chosen: object) -> Callable[[Scene, str], None]:
    def check(scene: Scene, function: str) -> None:
        same("what is found", scene.call(function, **chosen), ())
        scene.succeeded()

    return check


def _sorted(scene: Scene, function: str) -> None:
    for _ in range(3):
        _some(scene, function)
    tickets = [each.ticket for each in scene.given(function)]
    same("tickets that rise", tickets, sorted(tickets))


def _price_now(side: int) -> Check:
    def check(scene: Scene) -> None:
        position = scene.opened(side)
        scene.let_pass(60_000)
        first = scene.tick()
        (now,) = scene.given(POSITIONS, ticket=position.ticket)
        last = scene.tick()
        prices = [tick.ask if side else tick.bid for tick in (first, last)]
        among("price_current", now.price_current, prices)

    return check


def _profit_now(side: int) -> Check:
    def check(scene: Scene) -> None:
        position = scene.opened(side)
        scene.let_pass(60_000)
        (now,) = scene.given(POSITIONS, ticket=position.ticket)
        prices = (now.price_open, now.price_current)
        wanted = scene.given("order_calc_profit", side, scene.symbol, scene.lots, *prices)
        equal("profit", now.profit, wanted, 0.011)

    return check


def _identifier(scene: Scene) -> None:
    position = scene.opened()
    same("identifier", position.identifier, position.ticket)


def _no_swap_yet(scene: Scene) -> None:
    same("swap", scene.opened().swap, 0.0)


def _swap_at_night(scene: Scene) -> None:
    """What holding costs or brings a night, in points of the contract."""
    position, info = scene.opened(SELL), scene.info()
    scene.let_pass(24 * 3_600_000)
    (now,) = scene.given(POSITIONS, ticket=position.ticket)
    wanted = info.swap_short * info.point * info.trade_contract_size * scene.lots
    equal("swap", now.swap, wanted, 0.011)


def _triple_night(scene: Scene) -> None:
    """Over a whole week there are seven nights of swap, on five days."""
    position, info = scene.opened(BUY), scene.info()
    scene.let_pass(7 * 24 * 3_600_000)
    (now,) = scene.given(POSITIONS, ticket=position.ticket)
    wanted = 7 * info.swap_long * info.point * info.trade_contract_size * scene.lots
    equal("swap", now.swap, wanted, 0.08)


_TRADE, _READ = Needs.TRADE, Needs.READ
_EACH: tuple[tuple[str, Callable[[Scene, str], None], Needs], ...] = (
    ("come as a tuple", _is_tuple, _READ),
    ("are counted by their total", _total, _TRADE),
    ("by ticket are that one", _by_ticket, _TRADE),
    ("by symbol are all of it", _by_symbol, _TRADE),
    ("by group are those of its symbols", _by_group, _TRADE),
    ("by ticket, symbol and group go by the ticket", _ticket_wins, _TRADE),
    ("by symbol and group go by the symbol", _symbol_wins, _TRADE),
    ("of an unknown ticket are an empty tuple, Success", _nothing(ticket=NOBODY), _READ),
    ("of an unknown symbol are an empty tuple, Success", _nothing(symbol="NOWHERE"), _READ),
    ("of an unknown group are an empty tuple, Success", _nothing(group="NOWHERE"), _READ),
    ("come by their tickets", _sorted, _TRADE),
)


def _of(function: str, check: Callable[[Scene, str], None]) -> Check:
    return lambda scene: check(scene, function)


def _rule(number: int, title: str, check: Check, situation: str = PLAIN) -> Rule:
    return Rule(number, title, PROPERTIES, check, _TRADE, situation)


RULES = (
    *(
        Rule(
            first + index,
            f"{function.removesuffix('_get')} {title}",
            function,
            _of(function, check),
            needs,
        )
        for function, first in zip(LISTS, (1501, 1521), strict=True)
        for index, (title, check, needs) in enumerate(_EACH)
    ),
    _rule(1541, "a purchase is worth the bid", _price_now(BUY)),
    _rule(1542, "a sale is worth the ask", _price_now(SELL)),
    _rule(1543, "a purchase's profit is of its two prices", _profit_now(BUY)),
    _rule(1544, "a sale's profit is of its two prices", _profit_now(SELL)),
    _rule(1545, "a position's identifier is the ticket of its order", _identifier),
    _rule(1546, "a new position has no swap", _no_swap_yet),
    _rule(1547, "a night charges the swap of a sale", _swap_at_night, "time"),
    _rule(1548, "a week charges seven nights", _triple_night, "time"),
)
