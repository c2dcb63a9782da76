"""Stop loss and take profit: set, moved, taken away, refused, hit."""

from __future__ import annotations

from infra.mt5 import constants as mt5
from infra.mt5.certify.expect import holds, same
from infra.mt5.certify.rule import PLAIN, Check, Needs, Rule
from infra.mt5.certify.rules.market import deals_of, order_of
from infra.mt5.certify.scene import BUY, LONG_MS, SELL, Scene
from infra.mt5.tuples import OrderSendResult, TradePosition

SEND, POSITIONS, DEALS = "order_send", "Position Properties", "Deal Properties"
FAR, NEAR, FARTHEST = 1000, 15, 20_000
TIME = "time"
INVALID = mt5.TRADE_RETCODE_INVALID_STOPS
SIDES = {"purchase": BUY, "sale": SELL}


def _levels(scene: Scene, side: int, points: int = FAR) -> dict[str, float]:
    """Stop loss and take profit on their right sides."""
    away = points if side == BUY else -points
    return {"sl": scene.price(-away, 1 - side), "tp": scene.price(away, 1 - side)}


def _moved(scene: Scene, position: TradePosition, **levels: float) -> OrderSendResult:
    named = {"action": mt5.TRADE_ACTION_SLTP, "symbol": scene.symbol}
    return scene.send({**named, "position": position.ticket, **levels})


def _now(scene: Scene, position: TradePosition) -> TradePosition:
    (found,) = scene.given("positions_get", ticket=position.ticket)
    return found  # type: ignore[no-any-return]


def _sets(side: int) -> Check:
    def check(scene: Scene) -> None:
        position, levels = scene.opened(side), _levels(scene, side)
        same("retcode", _moved(scene, position, **levels).retcode, mt5.TRADE_RETCODE_DONE)
        now = _now(scene, position)
        same("sl and tp", {"sl": now.sl, "tp": now.tp}, levels)

    return check


def _takes_away(scene: Scene) -> None:
    position = scene.opened(BUY, **_levels(scene, BUY))
    same("retcode", _moved(scene, position).retcode, mt5.TRADE_RETCODE_DONE)
    now = _now(scene, position)
    same("sl and tp", (now.sl, now.tp), (0.0, 0.0))


def _one_takes_the_other(scene: Scene) -> None:
    """A modification names both: what it leaves out is taken away."""
    levels = _levels(scene, BUY)
    position = scene.opened(BUY, **levels)
    nearer = scene.price(-FAR // 2, SELL)
    same("retcode", _moved(scene, position, sl=nearer).retcode, mt5.TRADE_RETCODE_DONE)
    now = _now(scene, position)
    same("sl and tp", (now.sl, now.tp), (nearer, 0.0))


def _wrong_at_opening(side: int, name: str) -> Check:
    def check(scene: Scene) -> None:
        wrong = _levels(scene, 1 - side)[name]
        before = scene.given("positions_total")
        same("retcode", scene.send(scene.deal(side, **{name: wrong})).retcode, INVALID)
        same("positions", scene.given("positions_total"), before)

    return check


def _wrong_afterwards(side: int, name: str) -> Check:
    def check(scene: Scene) -> None:
        position = scene.opened(side)
        wrong = _levels(scene, 1 - side)[name]
        same("retcode", _moved(scene, position, **{name: wrong}).retcode, INVALID)
        same(name, getattr(_now(scene, position), name), 0.0)

    return check


def _off_grid(scene: Scene) -> None:
    level = scene.price(-FAR, SELL) + scene.info().point / 3
    same("retcode", scene.send(scene.deal(sl=level)).retcode, INVALID)


def _no_position(scene: Scene) -> None:
    request = {"action": mt5.TRADE_ACTION_SLTP, "symbol": scene.symbol, "position": 2**40}
    result = scene.send({**request, "sl": scene.price(-FAR, SELL)})
    refused = (mt5.TRADE_RETCODE_POSITION_CLOSED, mt5.TRADE_RETCODE_INVALID)
    holds("10036 or 10013", result.retcode in refused, result.retcode)


def _no_order(scene: Scene) -> None:
    position = scene.opened()
    before = scene.given("history_orders_total", *scene.span())
    _moved(scene, position, **_levels(scene, BUY))
    same("orders made", scene.given("history_orders_total", *scene.span()), before)


def _updates(scene: Scene) -> None:
    position = scene.opened()
    scene.let_pass(5_000)
    _moved(scene, position, **_levels(scene, BUY))
    now = _now(scene, position)
    holds("a later time_update", now.time_update_msc > position.time_update_msc, now)
    same("time", now.time_msc, position.time_msc)


def _hit(side: int, name: str, reason: int) -> Check:
    """The market comes to a level that is near, long before it comes to the other."""

    def check(scene: Scene) -> None:
        near, far = _levels(scene, side, NEAR), _levels(scene, side, FARTHEST)
        position = scene.opened(side, **{**far, name: near[name]})
        held = scene.terminal.positions_get
        scene.until(lambda: not held(ticket=position.ticket), "the level touched", LONG_MS)
        deal = deals_of(scene, position.identifier)[-1]
        same("entry", deal.entry, mt5.DEAL_ENTRY_OUT)
        same("reason", deal.reason, reason)
        level, up = near[name], (name == "tp") == (side == BUY)
        reached = deal.price >= level if up else deal.price <= level
        holds(f"a price at {level} or beyond", reached, deal.price)
        same("the order's reason", order_of(scene, deal.order).reason, reason)

    return check


def _loses(scene: Scene) -> None:
    near, far = _levels(scene, BUY, NEAR), _levels(scene, BUY, FARTHEST)
    position = scene.opened(sl=near["sl"], tp=far["tp"])
    held = scene.terminal.positions_get
    scene.until(lambda: not held(ticket=position.ticket), "the stop touched", LONG_MS)
    deal = deals_of(scene, position.identifier)[-1]
    wanted = scene.given(
        "order_calc_profit", BUY, scene.symbol, scene.lots, position.price_open, deal.price
    )
    holds("a loss of the deal's prices", abs(deal.profit - wanted) < 0.011 and wanted < 0, deal)


def _of_an_order(scene: Scene) -> None:
    """A pending order hands its levels to the position."""
    levels = {"sl": scene.price(-FARTHEST), "tp": scene.price(FARTHEST)}
    order = scene.placed(mt5.ORDER_TYPE_BUY_LIMIT, scene.price(-NEAR), **levels)
    active = scene.terminal.orders_get
    scene.until(lambda: not active(ticket=order.ticket), "the order touched", LONG_MS)
    position_id = order_of(scene, order.ticket).position_id
    (now,) = scene.given("positions_get", ticket=position_id)
    same("sl and tp", {"sl": now.sl, "tp": now.tp}, levels)


def _rule(number: int, title: str, page: str, check: Check, situation: str = PLAIN) -> Rule:
    return Rule(number, title, page, check, Needs.TRADE, situation)


_EACH = [(word, side, name) for word, side in SIDES.items() for name in ("sl", "tp")]
_REASONS = {"sl": mt5.DEAL_REASON_SL, "tp": mt5.DEAL_REASON_TP}
RULES = (
    *(
        _rule(1201 + index, f"both levels of a {word} can be set", SEND, _sets(side))
        for index, (word, side) in enumerate(SIDES.items())
    ),
    _rule(1203, "levels that are 0 are taken away", SEND, _takes_away),
    _rule(1204, "a level that is not named is taken away", SEND, _one_takes_the_other),
    *(
        _rule(
            1211 + index,
            f"{name} of a {word} on the wrong side is 10016 at once",
            SEND,
            _wrong_at_opening(side, name),
        )
        for index, (word, side, name) in enumerate(_EACH)
    ),
    *(
        _rule(
            1221 + index,
            f"{name} of a {word} cannot be moved to the wrong side",
            SEND,
            _wrong_afterwards(side, name),
        )
        for index, (word, side, name) in enumerate(_EACH)
    ),
    _rule(1231, "a level off the digits is 10016", SEND, _off_grid),
    _rule(1232, "levels of no position are refused", SEND, _no_position),
    _rule(1233, "moving levels makes no order", SEND, _no_order),
    _rule(1234, "moving levels is an update of the position", POSITIONS, _updates),
    *(
        _rule(
            1241 + index,
            f"{name} of a {word} closes it when touched, and says why",
            DEALS,
            _hit(side, name, _REASONS[name]),
            TIME,
        )
        for index, (word, side, name) in enumerate(_EACH)
    ),
    _rule(1251, "a stop's loss is that of its prices", DEALS, _loses, TIME),
    _rule(1252, "a pending order's levels are its position's", POSITIONS, _of_an_order, TIME),
)
