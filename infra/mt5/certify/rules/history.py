"""What is over: orders that are done, and deals, by range, by ticket, by position."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from infra.mt5 import constants as mt5
from infra.mt5.certify.expect import holds, same
from infra.mt5.certify.rule import Check, Needs, Rule
from infra.mt5.certify.scene import Scene
from infra.mt5.tuples import TradePosition

KINDS = ("orders", "deals")
DEALS = "Deal Properties"
NOBODY = 2**40


def _get(kind: str) -> str:
    return f"history_{kind}_get"


def _story(scene: Scene) -> TradePosition:
    """A position that has been opened and closed."""
    position = scene.opened()
    scene.let_pass(2_000)
    scene.done(scene.closing(position))
    held = scene.terminal.positions_get
    scene.until(lambda: not held(ticket=position.ticket), "a closed position")
    return position


def _all(scene: Scene, kind: str) -> tuple[Any, ...]:
    found: tuple[Any, ...] = scene.given(_get(kind), *scene.span())
    return found


def _of(kind: str, check: Callable[[Scene, str], None]) -> Check:
    return lambda scene: check(scene, kind)


def _is_tuple(scene: Scene, kind: str) -> None:
    same("the kind", type(_all(scene, kind)), tuple)


def _total(scene: Scene, kind: str) -> None:
    _story(scene)
    found = scene.given(f"history_{kind}_total", *scene.span())
    same("the total", found, len(_all(scene, kind)))


def _sorted(scene: Scene, kind: str) -> None:
    _story(scene)
    _story(scene)
    name = "time_msc" if kind == "deals" else "time_done_msc"
    times = [getattr(each, name) for each in _all(scene, kind)]
    same("times that rise", times, sorted(times))


def _by_position(scene: Scene, kind: str) -> None:
    _story(scene)
    position = _story(scene)
    found = scene.given(_get(kind), position=position.identifier)
    same("how many", len(found), 2)
    same("positions", {each.position_id for each in found}, {position.identifier})


def _by_ticket(scene: Scene, kind: str) -> None:
    """By the ticket of an order, for deals as well."""
    position = _story(scene)
    found = scene.given(_get(kind), ticket=position.ticket)
    name = "order" if kind == "deals" else "ticket"
    same("the order", [getattr(each, name) for each in found], [position.ticket])


def _ticket_wins(scene: Scene, kind: str) -> None:
    one, two = _story(scene), _story(scene)
    found = scene.given(_get(kind), ticket=one.ticket, position=two.identifier)
    same("positions", {each.position_id for each in found}, {one.identifier})


def _unknown(name: str) -> Callable[[Scene, str], None]:
    def check(scene: Scene, kind: str) -> None:
        same("what is found", scene.call(_get(kind), **{name: NOBODY}), ())
        scene.succeeded()

    return check


def _empty_range(scene: Scene, kind: str) -> None:
    same("what is found", scene.call(_get(kind), 1, 2), ())
    scene.succeeded()


def _empty_total(scene: Scene, kind: str) -> None:
    same("the total", scene.call(f"history_{kind}_total", 1, 2), 0)
    scene.succeeded()


def _by_group(scene: Scene, kind: str) -> None:
    _story(scene)
    found = scene.given(_get(kind), *scene.span(), group=scene.symbol)
    same("symbols", {each.symbol for each in found}, {scene.symbol})
    whole = [each for each in _all(scene, kind) if each.symbol == scene.symbol]
    same("how many", len(found), len(whole))


def _but_group(scene: Scene, kind: str) -> None:
    _story(scene)
    found = scene.given(_get(kind), *scene.span(), group=f"*,!{scene.symbol}")
    same("ones of the symbol", [each for each in found if each.symbol == scene.symbol], [])


def _inside(scene: Scene, kind: str) -> None:
    position = _story(scene)
    found = scene.given(_get(kind), position.time, position.time + 1)
    name = "order" if kind == "deals" else "ticket"
    tickets = [getattr(each, name) for each in found]
    holds("what was done in that second", position.ticket in tickets, tickets)


def _outside(scene: Scene, kind: str) -> None:
    position = _story(scene)
    name = "order" if kind == "deals" else "ticket"
    for span in ((0, position.time - 1), (position.time + 600, position.time + 900)):
        tickets = [getattr(each, name) for each in scene.given(_get(kind), *span)]
        holds("nothing of another time", position.ticket not in tickets, tickets)


def _by_date(scene: Scene, kind: str) -> None:
    _story(scene)
    start_s, end_s = scene.span()
    dates = [datetime.fromtimestamp(at, UTC) for at in (start_s, end_s)]
    same("how many", len(scene.given(_get(kind), *dates)), len(_all(scene, kind)))


def _without_dates(scene: Scene, kind: str) -> None:
    scene.fails(None, mt5.RES_E_INVALID_PARAMS, None, _get(kind))


def _stays(scene: Scene, kind: str) -> None:
    position = _story(scene)
    first = scene.given(_get(kind), position=position.identifier)
    scene.let_pass(60_000)
    same("a minute later", scene.given(_get(kind), position=position.identifier), first)


def _deposit(scene: Scene) -> None:
    found = [deal for deal in _all(scene, "deals") if deal.type == mt5.DEAL_TYPE_BALANCE]
    for deal in found:
        same("symbol and volume", (deal.symbol, deal.volume), ("", 0.0))
        same("order and position", (deal.order, deal.position_id), (0, 0))
    paid_in = sum(deal.profit for deal in found)
    holds("money that was paid in", paid_in > 0, paid_in)


def _balance(scene: Scene) -> None:
    """Everything that ever moved the balance is a deal."""
    _story(scene)
    whole = sum(d.profit + d.commission + d.swap + d.fee for d in _all(scene, "deals"))
    found = scene.account().balance
    holds(f"a balance of {whole:.2f}", abs(found - whole) < 0.011, found)


def _deals_of_orders(scene: Scene) -> None:
    _story(scene)
    orders = {order.ticket for order in _all(scene, "orders")}
    strangers = [d for d in _all(scene, "deals") if d.order and d.order not in orders]
    same("deals without their order", strangers, [])


def _unique(scene: Scene, kind: str) -> None:
    _story(scene)
    tickets = [each.ticket for each in _all(scene, kind)]
    same("tickets that are there twice", len(tickets) - len(set(tickets)), 0)


_TRADE, _READ = Needs.TRADE, Needs.READ
_EACH: tuple[tuple[str, Callable[[Scene, str], None], Needs], ...] = (
    ("come as a tuple", _is_tuple, _READ),
    ("are counted by their total", _total, _TRADE),
    ("come in the order of their times", _sorted, _TRADE),
    ("of a position are all of it, and no others", _by_position, _TRADE),
    ("of an order's ticket are its own", _by_ticket, _TRADE),
    ("by ticket and position go by the ticket", _ticket_wins, _TRADE),
    ("of an unknown ticket are an empty tuple, Success", _unknown("ticket"), _READ),
    ("of an unknown position are an empty tuple, Success", _unknown("position"), _READ),
    ("of an empty range are an empty tuple, Success", _empty_range, _READ),
    ("of an empty range count 0", _empty_total, _READ),
    ("of a group are those of its symbols", _by_group, _TRADE),
    ("of a group with ! lack its symbols", _but_group, _TRADE),
    ("of a second hold what was done in it", _inside, _TRADE),
    ("of other times do not hold it", _outside, _TRADE),
    ("may be asked by datetimes", _by_date, _TRADE),
    ("without dates are None, -2", _without_dates, _READ),
    ("stay as they are", _stays, _TRADE),
    ("have tickets of their own", _unique, _TRADE),
)
RULES = (
    *(
        Rule(first + index, f"{kind} {title}", _get(kind), _of(kind, check), needs)
        for kind, first in zip(KINDS, (1401, 1431), strict=True)
        for index, (title, check, needs) in enumerate(_EACH)
    ),
    Rule(1461, "money paid in is a deal without a symbol", DEALS, _deposit),
    Rule(1462, "the balance is the sum of all deals", DEALS, _balance, _TRADE),
    Rule(1463, "each deal's order is in the history", DEALS, _deals_of_orders, _TRADE),
)
