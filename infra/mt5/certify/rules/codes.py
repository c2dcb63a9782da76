"""Every return code of the trade server, by its cause. A refusal deals nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from infra.mt5 import constants as mt5
from infra.mt5.certify.expect import holds, same
from infra.mt5.certify.rule import PLAIN, Check, Needs, NotProvokable, Rule
from infra.mt5.certify.scene import BUY, LONG_MS, SELL, Scene
from infra.mt5.tuples import OrderSendResult

PAGE = "Return Codes of the Trade Server"
BUY_LIMIT = mt5.ORDER_TYPE_BUY_LIMIT
CHANGES_MAX = 300
WITHDRAWN_MS, MOVED_POINTS = 10_000, 20
_MOMENT_MS = 5_000
OF_A_PLUGIN = 10_917
"""A return code of a server's plug-in, which nobody else knows."""
ENDED = (
    mt5.TRADE_RETCODE_ORDER_CHANGED,
    mt5.TRADE_RETCODE_REJECT_CANCEL,
    mt5.TRADE_RETCODE_INVALID_ORDER,
)
DEALT = (mt5.TRADE_RETCODE_DONE, mt5.TRADE_RETCODE_DONE_PARTIAL)
Act = Callable[[Scene], OrderSendResult]


def sends(side: int = BUY, **fields: Any) -> Act:
    """A market order, sound but for these fields."""
    return lambda scene: scene.send(scene.deal(side, **fields))


def waits(points: float = -1000, **fields: Any) -> Act:
    """An order to buy below the market, sound but for these fields."""
    return lambda scene: scene.send({**scene.waiting(BUY_LIMIT, scene.price(points)), **fields})


def remove(scene: Scene, ticket: int) -> OrderSendResult:
    """Take an order back."""
    return scene.send({"action": mt5.TRADE_ACTION_REMOVE, "order": ticket})


def move(scene: Scene, ticket: int, price: float) -> OrderSendResult:
    """Change an order's price."""
    return scene.send({"action": mt5.TRADE_ACTION_MODIFY, "order": ticket, "price": price})


def stops(scene: Scene, ticket: int, **levels: float) -> OrderSendResult:
    """Move a position's stops."""
    moved = {"action": mt5.TRADE_ACTION_SLTP, "symbol": scene.symbol, "position": ticket}
    return scene.send({**moved, **levels})


def stale(scene: Scene) -> OrderSendResult:
    """The price of some time ago, from which the market has gone away."""
    request = scene.deal(deviation=0)
    away = MOVED_POINTS * scene.info().point

    def moved() -> bool:
        return bool(abs(scene.price(0) - request["price"]) > away)

    scene.until(moved, "a price far from it", LONG_MS)
    scene.let_pass(WITHDRAWN_MS)
    return scene.send(request)


def dealt_later(scene: Scene) -> OrderSendResult:
    """Answered with nothing, and dealt all the same: the case that loses money."""
    before = scene.given("history_deals_total", *scene.span())
    result = scene.send(scene.deal())
    same("the deal of the answer", result.deal, 0)
    same("deals so far", scene.given("history_deals_total", *scene.span()), before)
    scene.until(lambda: scene.terminal.positions_total(), "the deal after all", 60_000)
    return result


def in_part(scene: Scene) -> OrderSendResult:
    result = scene.send(scene.deal(volume=50.0, type_filling=mt5.ORDER_FILLING_IOC))
    (position,) = scene.given("positions_get", ticket=result.order)
    same("the position's volume", position.volume, result.volume)
    holds("less than was asked for", 0 < result.volume < 50.0, result.volume)
    return result


def whole_or_nothing(scene: Scene) -> OrderSendResult:
    return scene.send(scene.deal(volume=50.0, type_filling=mt5.ORDER_FILLING_FOK))


def often(scene: Scene) -> OrderSendResult:
    least = scene.info().volume_min
    return [scene.send(scene.deal(volume=least)) for _ in range(6)][-1]


def twice_removed(scene: Scene) -> OrderSendResult:
    ticket = scene.placed(BUY_LIMIT, scene.price(-1000)).ticket
    same("the first removal", remove(scene, ticket).retcode, mt5.TRADE_RETCODE_DONE)
    scene.let_pass(2_000)
    return remove(scene, ticket)


def same_stops(scene: Scene) -> OrderSendResult:
    level = scene.price(-1000, SELL)
    return stops(scene, scene.opened(sl=level).ticket, sl=level)


def at_work(scene: Scene) -> OrderSendResult:
    """The stops of a position that the server is closing."""
    position = scene.opened()
    scene.spoil("be slow")
    scene.send(scene.closing(position))
    return stops(scene, position.ticket, sl=scene.price(-1000, SELL))


def near_its_price(scene: Scene) -> OrderSendResult:
    return remove(scene, scene.placed(BUY_LIMIT, scene.price(-100)).ticket)


def twice_closed(scene: Scene) -> OrderSendResult:
    close = scene.closing(scene.opened())
    scene.done(close)
    scene.until(
        lambda: not scene.terminal.positions_get(ticket=close["position"]), "a closed position"
    )
    return scene.send(close)


def closed_too_much(scene: Scene) -> OrderSendResult:
    return scene.send(scene.closing(scene.opened(), volume=scene.lots * 2))


def closed_while_closing(scene: Scene) -> OrderSendResult:
    position = scene.opened()
    scene.spoil("be slow")
    close = scene.closing(position)
    scene.send(close)
    return scene.send(close)


def changed_until_touched(scene: Scene, volume: float, state: int) -> OrderSendResult:
    """Change an order near the market again and again, until the market comes before the change."""
    order = scene.placed(BUY_LIMIT, scene.price(-30), volume=volume)
    for nth in range(CHANGES_MAX):
        result = move(scene, order.ticket, scene.price(-12 - nth % 2))
        if result.retcode in ENDED:
            break
        scene.let_pass(_MOMENT_MS)
    (done,) = scene.given("history_orders_get", ticket=order.ticket)
    same("its state", done.state, state)
    return result


def filled_meanwhile(scene: Scene) -> OrderSendResult:
    return changed_until_touched(scene, scene.lots, mt5.ORDER_STATE_FILLED)


def refused_meanwhile(scene: Scene) -> OrderSendResult:
    """The order asks for more than the account has."""
    return changed_until_touched(scene, 98.0, mt5.ORDER_STATE_REJECTED)


def younger_first(scene: Scene) -> OrderSendResult:
    scene.opened()
    return scene.send(scene.closing(scene.opened()))


def after_one(act: Act, side: int = BUY) -> Act:
    """The same again, after a position that is sound."""

    def acted(scene: Scene) -> OrderSendResult:
        scene.opened(side)
        return act(scene)

    return acted


def after_an_order(scene: Scene) -> OrderSendResult:
    scene.placed(BUY_LIMIT, scene.price(-1000))
    return waits()(scene)


def unlike_step(scene: Scene) -> OrderSendResult:
    return scene.send(scene.deal(volume=scene.info().volume_step * 1.5))


def near_stop(scene: Scene) -> OrderSendResult:
    if not (level := scene.info().trade_stops_level):
        raise NotProvokable(f"{scene.symbol} has no stops level")
    return scene.send(scene.deal(sl=scene.price(1 - level, SELL)))


# Of each code: its name, its cause in words, and what is done where its situation is set.
CAUSES: dict[int, tuple[str, str, Act]] = {
    10004: ("REQUOTE", "the price has moved beyond the deviation", stale),
    10006: ("REJECT", "fill-or-kill of more than the book holds", whole_or_nothing),
    10007: ("CANCEL", "the request is cancelled on its way", sends()),
    10008: ("PLACED", "a pending order", waits()),
    10009: ("DONE", "a sound market order", sends()),
    10010: ("DONE_PARTIAL", "immediate-or-cancel of more than the book holds", in_part),
    10011: ("ERROR", "the server fails at the request", sends()),
    10012: ("TIMEOUT", "a deal that takes longer than the answer may", dealt_later),
    10013: ("INVALID", "an action that there is none of", sends(action=77)),
    10014: ("INVALID_VOLUME", "a volume off the step", unlike_step),
    10015: ("INVALID_PRICE", "a buy limit above the market", waits(1000)),
    10016: ("INVALID_STOPS", "a stop inside the stops level", near_stop),
    10017: ("TRADE_DISABLED", "an account that may not trade", sends()),
    10018: ("MARKET_CLOSED", "a market that is closed", sends()),
    10019: ("NO_MONEY", "more lots than the account can carry", sends(volume=98.0)),
    10020: ("PRICE_CHANGED", "a price that a dealer has withdrawn", stale),
    10021: ("PRICE_OFF", "no quote young enough to deal at", sends()),
    10022: (
        "INVALID_EXPIRATION",
        "a lifetime that the symbol has none of",
        waits(type_time=mt5.ORDER_TIME_DAY),
    ),
    10023: ("ORDER_CHANGED", "an order that is filled while we change it", filled_meanwhile),
    10024: ("TOO_MANY_REQUESTS", "more requests than a second may have", often),
    10025: ("NO_CHANGES", "stops set to what they are", same_stops),
    10026: ("SERVER_DISABLES_AT", "a broker that lets no programs trade", sends()),
    10027: ("CLIENT_DISABLES_AT", "AutoTrading off in the terminal", sends()),
    10028: ("LOCKED", "stops of what is being closed", at_work),
    10029: ("FROZEN", "an order inside the freeze level", near_its_price),
    10030: (
        "INVALID_FILL",
        "a filling that the symbol has none of",
        sends(type_filling=mt5.ORDER_FILLING_IOC),
    ),
    10031: ("CONNECTION", "a terminal cut off from its broker", sends()),
    10032: ("ONLY_REAL", "a symbol for real accounts alone", sends()),
    10033: ("LIMIT_ORDERS", "one order too many", after_an_order),
    10034: ("LIMIT_VOLUME", "more of a symbol than its limit", after_one(sends())),
    10035: ("INVALID_ORDER", "removing an order twice", twice_removed),
    10036: ("POSITION_CLOSED", "closing a position twice", twice_closed),
    10038: ("INVALID_CLOSE_VOLUME", "closing more than there is", closed_too_much),
    10039: ("CLOSE_ORDER_EXIST", "closing what is being closed", closed_while_closing),
    10040: ("LIMIT_POSITIONS", "one position too many", after_one(sends())),
    10041: ("REJECT_CANCEL", "an order whose activation was refused", refused_meanwhile),
    10042: ("LONG_ONLY", "a sale where only buying is allowed", sends(SELL)),
    10043: ("SHORT_ONLY", "a purchase where only selling is allowed", sends()),
    10044: ("CLOSE_ONLY", "an opening where only closing is allowed", sends()),
    10045: ("FIFO_CLOSE", "closing the younger of two positions", younger_first),
    10046: ("HEDGE_PROHIBITED", "the opposite of what is held", after_one(sends(SELL))),
    OF_A_PLUGIN: ("OTHER", "a rule of a server's plug-in", sends(volume=3.0)),
}
ANYWHERE = (10009, 10013, 10014, 10015, 10016, 10025, 10035, 10036, 10038)
"""Codes that any trade server gives, without being told anything."""


def _answers(code: int, act: Act) -> Check:
    def check(scene: Scene) -> None:
        result = act(scene)
        same("retcode", result.retcode, code)
        if code not in DEALT:
            same("the deal of what is not done", result.deal, 0)

    return check


def _situation(code: int) -> str:
    if code in ANYWHERE:
        return PLAIN
    return "retcode of a plug-in" if code == OF_A_PLUGIN else f"retcode {code}"


def _title(code: int) -> str:
    name, cause, _ = CAUSES[code]
    return f"{code} {name}: {cause}" if name != "OTHER" else f"a code that nobody lists: {cause}"


RULES = tuple(
    Rule(
        800 + (code - 10_000 if code != OF_A_PLUGIN else 99),
        _title(code),
        PAGE,
        _answers(code, act),
        Needs.TRADE,
        _situation(code),
    )
    for code, (_, _, act) in CAUSES.items()
)
