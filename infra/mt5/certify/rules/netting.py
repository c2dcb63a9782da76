"""Accounts with one position per symbol."""

from __future__ import annotations

from typing import Any

from infra.mt5 import constants as mt5
from infra.mt5.certify.expect import among, equal, holds, same
from infra.mt5.certify.rule import Check, Needs, Rule
from infra.mt5.certify.rules.market import deals_of, order_of
from infra.mt5.certify.scene import BUY, SELL, Scene
from infra.mt5.tuples import OrderSendResult, TradePosition

MODES, DEALS, POSITIONS = "Account Properties", "Deal Properties", "Position Properties"
CENT = 0.011


def _one(scene: Scene) -> TradePosition:
    """The one position of the symbol."""
    (found,) = scene.given("positions_get", symbol=scene.symbol)
    return found  # type: ignore[no-any-return]


def _dealt(scene: Scene, side: int, times: float = 1, **fields: Any) -> OrderSendResult:
    lots = round(scene.lots * times, 8)
    result = scene.done(scene.deal(side, volume=lots, **fields))
    order_of(scene, result.order)
    return result


def _mode(mode: int) -> Check:
    return lambda scene: same("margin_mode", scene.account().margin_mode, mode)


def _adds(scene: Scene) -> None:
    first, second = _dealt(scene, BUY), _dealt(scene, BUY, 3)
    found = _one(scene)
    equal("volume", found.volume, scene.lots * 4, 1e-8)
    same("ticket", found.ticket, first.order)
    holds("a mean of the prices", _between(found.price_open, first.price, second.price), found)


def _between(price: float, *ends: float) -> bool:
    return min(ends) - 1e-9 <= price <= max(ends) + 1e-9


def _mean(scene: Scene) -> None:
    first = _dealt(scene, BUY)
    scene.let_pass(600_000)
    second = _dealt(scene, BUY, 3)
    wanted = (first.price + 3 * second.price) / 4
    equal("price_open", _one(scene).price_open, wanted, scene.info().point)


def _names(scene: Scene) -> None:
    first, second = _dealt(scene, BUY), _dealt(scene, BUY)
    same("position_id", order_of(scene, second.order).position_id, first.order)
    same(
        "deals", [deal.order for deal in deals_of(scene, first.order)], [first.order, second.order]
    )


def _takes(scene: Scene) -> None:
    _dealt(scene, BUY, 3)
    _dealt(scene, SELL)
    found = _one(scene)
    equal("volume", found.volume, scene.lots * 2, 1e-8)
    same("type", found.type, BUY)


def _price_stays(scene: Scene) -> None:
    _dealt(scene, BUY, 3)
    before = _one(scene).price_open
    scene.let_pass(60_000)
    _dealt(scene, SELL)
    same("price_open", _one(scene).price_open, before)


def _out(scene: Scene) -> None:
    first = _dealt(scene, BUY, 2)
    _dealt(scene, SELL)
    deal = deals_of(scene, first.order)[-1]
    same("entry", deal.entry, mt5.DEAL_ENTRY_OUT)


def _ends(scene: Scene) -> None:
    first = _dealt(scene, BUY)
    _dealt(scene, SELL)
    same("positions", scene.given("positions_get", symbol=scene.symbol), ())
    entries = [deal.entry for deal in deals_of(scene, first.order)]
    same("entries", entries, [mt5.DEAL_ENTRY_IN, mt5.DEAL_ENTRY_OUT])


def _turns(scene: Scene) -> None:
    _dealt(scene, BUY)
    second = _dealt(scene, SELL, 3)
    found = _one(scene)
    same("type", found.type, SELL)
    equal("volume", found.volume, scene.lots * 2, 1e-8)
    same("price_open", found.price_open, second.price)


def _in_and_out(scene: Scene) -> None:
    _dealt(scene, BUY)
    second = _dealt(scene, SELL, 3)
    deals = scene.given("history_deals_get", ticket=second.order)
    same("entry of the last", deals[-1].entry, mt5.DEAL_ENTRY_INOUT)


def _gains(scene: Scene) -> None:
    first = _dealt(scene, BUY)
    scene.let_pass(60_000)
    second = _dealt(scene, SELL)
    deal = deals_of(scene, first.order)[-1]
    prices = (first.price, second.price)
    wanted = scene.given("order_calc_profit", BUY, scene.symbol, scene.lots, *prices)
    equal("profit", deal.profit, wanted, CENT)


def _no_close_by(scene: Scene) -> None:
    first = _dealt(scene, BUY)
    request = {"action": mt5.TRADE_ACTION_CLOSE_BY, "position": first.order}
    result = scene.send({**request, "position_by": first.order})
    among("retcode", result.retcode, (mt5.TRADE_RETCODE_INVALID, mt5.TRADE_RETCODE_INVALID_ORDER))


def _margin_of_the_net(scene: Scene) -> None:
    _dealt(scene, BUY, 3)
    _dealt(scene, SELL, 2)
    found = _one(scene)
    wanted = scene.given("order_calc_margin", BUY, scene.symbol, found.volume, found.price_open)
    equal("margin", scene.account().margin, wanted, CENT)


def _stops_by_symbol(scene: Scene) -> None:
    """The symbol alone names the position."""
    _dealt(scene, BUY)
    level = scene.price(-1000, SELL)
    request = {"action": mt5.TRADE_ACTION_SLTP, "symbol": scene.symbol, "sl": level}
    same("retcode", scene.send(request).retcode, mt5.TRADE_RETCODE_DONE)
    same("sl", _one(scene).sl, level)


_RULES: tuple[tuple[str, str, Check], ...] = (
    ("margin_mode says netting", MODES, _mode(mt5.ACCOUNT_MARGIN_MODE_RETAIL_NETTING)),
    ("a deal of the same side adds to the position", POSITIONS, _adds),
    ("its price is the mean by volume", POSITIONS, _mean),
    ("what is added belongs to the first position", DEALS, _names),
    ("a smaller deal of the other side takes from it", POSITIONS, _takes),
    ("taking from it leaves its price", POSITIONS, _price_stays),
    ("what takes from it is a deal out", DEALS, _out),
    ("an equal deal of the other side ends it", POSITIONS, _ends),
    ("a larger one turns it around, at its own price", POSITIONS, _turns),
    ("what turns it around ends with a deal in-out", DEALS, _in_and_out),
    ("what is taken gains between its prices", DEALS, _gains),
    ("there is no close-by", "order_send", _no_close_by),
    ("margin is that of what is left", MODES, _margin_of_the_net),
    ("stops are set by the symbol", "order_send", _stops_by_symbol),
)
RULES = (
    *(
        Rule(1601 + index, title, page, check, Needs.TRADE, "netting")
        for index, (title, page, check) in enumerate(_RULES)
    ),
    Rule(
        1621,
        "an exchange account says so",
        MODES,
        _mode(mt5.ACCOUNT_MARGIN_MODE_EXCHANGE),
        Needs.TRADE,
        "exchange",
    ),
    Rule(
        1622, "an exchange account adds to its position", POSITIONS, _adds, Needs.TRADE, "exchange"
    ),
)
