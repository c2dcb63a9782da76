"""Positions closed: whole, in part, by each other, by the broker."""

from __future__ import annotations

from infra.mt5 import constants as mt5
from infra.mt5.certify.expect import equal, holds, provided, same
from infra.mt5.certify.rule import PLAIN, Check, Needs, Rule
from infra.mt5.certify.rules.market import deals_of, order_of
from infra.mt5.certify.scene import BUY, LONG_MS, SELL, Scene
from infra.mt5.tuples import TradePosition

SEND, DEALS, POSITIONS, ORDERS = (
    "order_send",
    "Deal Properties",
    "Position Properties",
    "Order Properties",
)
CENT = 0.011
TIME = "time"
OUT, BY = mt5.DEAL_ENTRY_OUT, mt5.DEAL_ENTRY_OUT_BY


def _gone(scene: Scene, position: TradePosition) -> None:
    held = scene.terminal.positions_get
    scene.until(lambda: not held(ticket=position.ticket), "a closed position")


def _closed(scene: Scene, side: int = BUY) -> TradePosition:
    position = scene.opened(side)
    scene.let_pass(60_000)
    scene.done(scene.closing(position))
    _gone(scene, position)
    return position


def _whole(side: int) -> Check:
    def check(scene: Scene) -> None:
        position = _closed(scene, side)
        entry, leaving = deals_of(scene, position.identifier)
        same("entries", (entry.entry, leaving.entry), (mt5.DEAL_ENTRY_IN, OUT))
        same("types", (entry.type, leaving.type), (side, 1 - side))
        same("volumes", (entry.volume, leaving.volume), (scene.lots, scene.lots))

    return check


def _profit(side: int) -> Check:
    def check(scene: Scene) -> None:
        position = _closed(scene, side)
        leaving = deals_of(scene, position.identifier)[-1]
        prices = (position.price_open, leaving.price)
        wanted = scene.given("order_calc_profit", side, scene.symbol, scene.lots, *prices)
        equal("the profit", leaving.profit, wanted, CENT)

    return check


def _at_the_market(scene: Scene) -> None:
    position = scene.opened()
    first = scene.tick()
    scene.done(scene.closing(position))
    last = scene.tick()
    price = deals_of(scene, position.identifier)[-1].price
    holds("the bid", price in (first.bid, last.bid), (price, first.bid, last.bid))


def _order_names_it(scene: Scene) -> None:
    position = scene.opened()
    result = scene.done(scene.closing(position))
    done = order_of(scene, result.order)
    same("position_id and type", (done.position_id, done.type), (position.identifier, SELL))
    holds("a ticket of its own", result.order != position.ticket, result.order)


def _part(scene: Scene) -> tuple[TradePosition, TradePosition]:
    """A position of twice the volume before and after half of it is closed."""
    position = scene.opened(volume=round(scene.lots * 2, 8))
    scene.done(scene.closing(position, volume=scene.lots))
    (left,) = scene.given("positions_get", ticket=position.ticket)
    return position, left


def _in_part(scene: Scene) -> None:
    position, left = _part(scene)
    same("volume", left.volume, scene.lots)
    same("ticket", left.ticket, position.ticket)


def _rest_unchanged(scene: Scene) -> None:
    position, left = _part(scene)
    kept = ("price_open", "time_msc", "type", "magic", "identifier")
    same("what stays", [getattr(left, n) for n in kept], [getattr(position, n) for n in kept])


def _part_deals(scene: Scene) -> None:
    position, _ = _part(scene)
    volumes = [deal.volume for deal in deals_of(scene, position.identifier)]
    same("the deals' volumes", volumes, [round(scene.lots * 2, 8), scene.lots])


def _same_side(scene: Scene) -> None:
    """A deal of the position's own side cannot close it."""
    position = scene.opened()
    request = scene.deal(BUY, position=position.ticket)
    same("retcode", scene.send(request).retcode, mt5.TRADE_RETCODE_INVALID)


def _never_was(scene: Scene) -> None:
    result = scene.send(scene.deal(SELL, position=2**40))
    refused = (mt5.TRADE_RETCODE_POSITION_CLOSED, mt5.TRADE_RETCODE_INVALID)
    holds("10036 or 10013", result.retcode in refused, result.retcode)


def _hedging(scene: Scene) -> None:
    hedges = scene.account().margin_mode == mt5.ACCOUNT_MARGIN_MODE_RETAIL_HEDGING
    provided(hedges, "the account does not hold a symbol both ways")


def _opposites(scene: Scene) -> tuple[TradePosition, TradePosition]:
    _hedging(scene)
    return scene.opened(BUY, volume=round(scene.lots * 2, 8)), scene.opened(SELL)


def _close_by(one: TradePosition, other: TradePosition) -> dict[str, int]:
    action = mt5.TRADE_ACTION_CLOSE_BY
    return {"action": action, "position": one.ticket, "position_by": other.ticket}


def _by_each_other(scene: Scene) -> None:
    one, other = _opposites(scene)
    same("retcode", scene.send(_close_by(one, other)).retcode, mt5.TRADE_RETCODE_DONE)
    _gone(scene, other)
    (left,) = scene.given("positions_get", ticket=one.ticket)
    same("what is left of the larger", left.volume, scene.lots)


def _by_deals(scene: Scene) -> None:
    one, other = _opposites(scene)
    scene.done(_close_by(one, other))
    _gone(scene, other)
    for position in (one, other):
        leaving = deals_of(scene, position.identifier)[-1]
        same("entry and volume", (leaving.entry, leaving.volume), (BY, scene.lots))


def _by_order(scene: Scene) -> None:
    one, other = _opposites(scene)
    done = order_of(scene, scene.done(_close_by(one, other)).order)
    same("type", done.type, mt5.ORDER_TYPE_CLOSE_BY)
    same("position_by_id", done.position_by_id, other.ticket)


def _by_profit(scene: Scene) -> None:
    """Together they gain what lies between their opening prices; the spread is saved."""
    one, other = _opposites(scene)
    scene.done(_close_by(one, other))
    _gone(scene, other)
    gained = sum(deals_of(scene, each.identifier)[-1].profit for each in (one, other))
    prices = (one.price_open, other.price_open)
    wanted = scene.given("order_calc_profit", BUY, scene.symbol, scene.lots, *prices)
    equal("what both gain", gained, wanted, CENT)


def _by_its_own_side(scene: Scene) -> None:
    _hedging(scene)
    request = _close_by(scene.opened(), scene.opened())
    same("retcode", scene.send(request).retcode, mt5.TRADE_RETCODE_INVALID)


def _by_nobody(scene: Scene) -> None:
    one, _ = _opposites(scene)
    request = {**_close_by(one, one), "position_by": 2**40}
    result = scene.send(request)
    refused = (mt5.TRADE_RETCODE_POSITION_CLOSED, mt5.TRADE_RETCODE_INVALID)
    holds("10036 or 10013", result.retcode in refused, result.retcode)


def _stopped_out(scene: Scene) -> None:
    """The broker closes what the account can carry no more."""
    account = scene.account()
    lots = 0.01
    while True:
        more = round(lots + 0.01, 2)
        margin = scene.given("order_calc_margin", BUY, scene.symbol, more, scene.tick().ask)
        if margin > account.margin_free * 0.95:
            break
        lots = more
    ticket = scene.opened(volume=lots).ticket
    held = scene.terminal.positions_get
    scene.until(lambda: not held(ticket=ticket), "the stop-out", 10 * LONG_MS)
    deal = deals_of(scene, ticket)[-1]
    same("reason", deal.reason, mt5.DEAL_REASON_SO)
    holds("a loss", deal.profit < 0, deal.profit)


def _rule(number: int, title: str, page: str, check: Check, situation: str = PLAIN) -> Rule:
    return Rule(number, title, page, check, Needs.TRADE, situation)


RULES = (
    _rule(1301, "a purchase is closed by a sale", DEALS, _whole(BUY)),
    _rule(1302, "a sale is closed by a purchase", DEALS, _whole(SELL)),
    _rule(1303, "a purchase gains what order_calc_profit says", "order_calc_profit", _profit(BUY)),
    _rule(1304, "a sale gains what order_calc_profit says", "order_calc_profit", _profit(SELL)),
    _rule(1305, "a purchase is closed at the bid", SEND, _at_the_market),
    _rule(1306, "the closing order is another, and names the position", ORDERS, _order_names_it),
    _rule(1307, "half of a position can be closed", SEND, _in_part),
    _rule(1308, "what is left of it stays as it was", POSITIONS, _rest_unchanged),
    _rule(1309, "a part is a deal of its volume", DEALS, _part_deals),
    _rule(1310, "its own side does not close a position", SEND, _same_side),
    _rule(1311, "a position that never was is refused", SEND, _never_was),
    _rule(1321, "two opposites close each other", SEND, _by_each_other),
    _rule(1322, "close-by makes a deal out-by of each", DEALS, _by_deals),
    _rule(1323, "close-by is an order that names the other", ORDERS, _by_order),
    _rule(1324, "close-by gains between the opening prices", DEALS, _by_profit),
    _rule(1325, "positions of a side do not close each other", SEND, _by_its_own_side),
    _rule(1326, "close-by of no position is refused", SEND, _by_nobody),
    _rule(1331, "stop-out closes, and says why", DEALS, _stopped_out, "small account"),
)
