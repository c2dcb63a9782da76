"""Margin and profit: the two calculators and `order_check`."""

from __future__ import annotations

from collections.abc import Callable

from infra.mt5 import constants as mt5
from infra.mt5.certify.expect import equal, holds, kinds, provided, same
from infra.mt5.certify.rule import Check, Needs, Rule
from infra.mt5.certify.scene import BUY, SELL, Scene
from infra.mt5.tuples import AccountInfo, SymbolInfo

MARGIN, PROFIT, CHECK = "order_calc_margin", "order_calc_profit", "order_check"
CENT = 0.011
STEP_POINTS = 250
FOREX = (mt5.SYMBOL_CALC_MODE_FOREX, mt5.SYMBOL_CALC_MODE_FOREX_NO_LEVERAGE)


def _margin(scene: Scene, lots: float = 1.0, side: int = BUY, symbol: str = "") -> float:
    name = symbol or scene.symbol
    found: float = scene.given(MARGIN, side, name, lots, scene.tick(name).ask)
    return found


def _profit(scene: Scene, side: int, points: float, lots: float = 1.0, symbol: str = "") -> float:
    name = symbol or scene.symbol
    info, start = scene.info(name), scene.tick(name).bid
    found: float = scene.given(PROFIT, side, name, lots, start, start + points * info.point)
    return found


def _float(function: Callable[..., float], *arguments: object) -> Check:
    return lambda scene: same("the kind", type(function(scene, *arguments)), float)


def _in_proportion(scene: Scene) -> None:
    equal("the margin of three lots", _margin(scene, 3.0), 3 * _margin(scene), 3 * CENT)


def _both_ways(scene: Scene) -> None:
    equal("the margin of a sale", _margin(scene, side=SELL), _margin(scene), CENT)


def _plain_forex(info: SymbolInfo, account: AccountInfo) -> None:
    """What can be worked out from the symbol's own price."""
    plain = info.trade_calc_mode in FOREX and info.currency_profit == account.currency
    provided(plain, f"{info.name} is not forex that pays in {account.currency}")


def _by_leverage(scene: Scene) -> None:
    """Forex: contract, over leverage, at the rate of its base currency."""
    info, account = scene.info(), scene.account()
    _plain_forex(info, account)
    leverage = account.leverage if info.trade_calc_mode == FOREX[0] else 1
    wanted = info.trade_contract_size * scene.tick().ask / leverage
    equal("the margin of a lot", _margin(scene), wanted, CENT)


def _grows_with_price(scene: Scene) -> None:
    price = scene.tick().ask
    one, two = (scene.given(MARGIN, BUY, scene.symbol, 1.0, p) for p in (price, 2 * price))
    equal("the margin at twice the price", two, 2 * one, 2 * CENT)


def _margin_converted(scene: Scene) -> None:
    """What is bound in dollars is bound in dollars, whatever the yen costs."""
    info, account = scene.info("USDJPY"), scene.account()
    wanted = info.trade_contract_size / account.leverage
    equal("the margin of a lot of USDJPY", _margin(scene, symbol="USDJPY"), wanted, CENT)


def _gains(side: int, points: float) -> Check:
    def check(scene: Scene) -> None:
        found = _profit(scene, side, points)
        up = points > 0 if side == BUY else points < 0
        holds(
            "a profit above 0" if up else "a profit below 0", found > 0 if up else found < 0, found
        )

    return check


def _flat(scene: Scene) -> None:
    same("the profit of nothing", _profit(scene, BUY, 0), 0.0)


def _mirrored(scene: Scene) -> None:
    bought, sold = _profit(scene, BUY, STEP_POINTS), _profit(scene, SELL, STEP_POINTS)
    equal("what a sale gains", sold, -bought, CENT)


def _profit_in_proportion(scene: Scene) -> None:
    one, four = _profit(scene, BUY, STEP_POINTS), _profit(scene, BUY, STEP_POINTS, 4.0)
    equal("the profit of four lots", four, 4 * one, 4 * CENT)


def _by_contract(scene: Scene) -> None:
    info, account = scene.info(), scene.account()
    _plain_forex(info, account)
    wanted = STEP_POINTS * info.point * info.trade_contract_size
    equal("the profit of a lot", _profit(scene, BUY, STEP_POINTS), wanted, CENT)


def _profit_converted(scene: Scene) -> None:
    """What is gained in yen is told in dollars."""
    info, start = scene.info("USDJPY"), scene.tick("USDJPY").bid
    end = start + STEP_POINTS * info.point
    yen = STEP_POINTS * info.point * info.trade_contract_size
    found = scene.given(PROFIT, BUY, "USDJPY", 1.0, start, end)
    holds("a profit near its worth in dollars", abs(found - yen / end) < yen / end * 0.01, found)


def _gold(scene: Scene) -> None:
    info, start = scene.info("XAUUSD"), scene.tick("XAUUSD").bid
    found = scene.given(PROFIT, SELL, "XAUUSD", 0.5, start, start - 10.0)
    equal("the profit of half a lot", found, 10.0 * info.trade_contract_size * 0.5, CENT)


def _whole_numbers(scene: Scene) -> None:
    """The calculators take any number; requests take floats alone."""
    equal("the margin", scene.given(MARGIN, BUY, scene.symbol, 1, 1), _at_one(scene), CENT)


def _at_one(scene: Scene) -> float:
    found: float = scene.given(MARGIN, BUY, scene.symbol, 1.0, 1.0)
    return found


def _unknown(function: str, *prices: float) -> Check:
    def check(scene: Scene) -> None:
        same(function, scene.call(function, BUY, "NOWHERE", 1.0, *prices), None)
        code = scene.terminal.last_error()[0]
        holds("an error", code != mt5.RES_S_OK, code)

    return check


def _accepted(scene: Scene) -> None:
    found = scene.given(CHECK, scene.deal())
    same("retcode", found.retcode, 0)
    holds("a comment", found.comment, found.comment)


def _kinds(scene: Scene) -> None:
    found = scene.given(CHECK, scene.deal())
    kinds(found, float, ("balance", "equity", "profit", "margin", "margin_free", "margin_level"))


def _would_bind(scene: Scene) -> None:
    before = scene.account()
    found = scene.given(CHECK, scene.deal())
    wanted = scene.given(MARGIN, BUY, scene.symbol, scene.lots, scene.tick().ask)
    equal("the margin afterwards", found.margin, before.margin + wanted, CENT)


def _would_leave(scene: Scene) -> None:
    found = scene.given(CHECK, scene.deal())
    equal("margin_free", found.margin_free, found.equity - found.margin, CENT)
    equal("margin_level", found.margin_level, found.equity / found.margin * 100, CENT)


def _balance(scene: Scene) -> None:
    same("balance", scene.given(CHECK, scene.deal()).balance, scene.account().balance)


def _foresees(code: int, **fields: object) -> Check:
    return lambda scene: same(
        "retcode", scene.given(CHECK, {**scene.deal(), **fields}).retcode, code
    )


def _as_it_will_be(scene: Scene) -> None:
    found = scene.given(CHECK, scene.deal())
    scene.opened()
    equal("the margin that is bound", scene.account().margin, found.margin, CENT)


OTHERS, TRADE = "other symbols", Needs.TRADE
RULES = (
    Rule(901, "the margin is a float", MARGIN, _float(_margin)),
    Rule(902, "margin grows with the lots", MARGIN, _in_proportion),
    Rule(903, "both sides bind alike at a price", MARGIN, _both_ways),
    Rule(904, "a lot of forex binds its contract over the leverage", MARGIN, _by_leverage),
    Rule(905, "margin grows with the price", MARGIN, _grows_with_price),
    Rule(906, "margin is in account currency", MARGIN, _margin_converted, situation=OTHERS),
    Rule(907, "margin of an unknown symbol is None", MARGIN, _unknown(MARGIN, 1.1)),
    Rule(908, "whole numbers are numbers", MARGIN, _whole_numbers),
    Rule(911, "the profit is a float", PROFIT, _float(_profit, BUY, 10)),
    Rule(912, "a purchase gains when the price rises", PROFIT, _gains(BUY, STEP_POINTS)),
    Rule(913, "a purchase loses when the price falls", PROFIT, _gains(BUY, -STEP_POINTS)),
    Rule(914, "a sale gains when the price falls", PROFIT, _gains(SELL, -STEP_POINTS)),
    Rule(915, "a sale loses when the price rises", PROFIT, _gains(SELL, STEP_POINTS)),
    Rule(916, "the same price gains nothing", PROFIT, _flat),
    Rule(917, "what one side gains the other loses", PROFIT, _mirrored),
    Rule(918, "profit grows with the lots", PROFIT, _profit_in_proportion),
    Rule(919, "a lot of forex gains points times contract", PROFIT, _by_contract),
    Rule(920, "profit is in account currency", PROFIT, _profit_converted, situation=OTHERS),
    Rule(921, "a lot of gold gains by its contract", PROFIT, _gold, situation=OTHERS),
    Rule(922, "profit of an unknown symbol is None", PROFIT, _unknown(PROFIT, 1.1, 1.2)),
    Rule(931, "a sound request is 0 with a comment", CHECK, _accepted),
    Rule(932, "the figures are floats", CHECK, _kinds),
    Rule(933, "margin is what the account would bind", CHECK, _would_bind),
    Rule(934, "free margin and level are of those figures", CHECK, _would_leave),
    Rule(935, "balance is the account's", CHECK, _balance),
    Rule(936, "an unknown action is 10013", CHECK, _foresees(mt5.TRADE_RETCODE_INVALID, action=77)),
    Rule(937, "no volume is 10014", CHECK, _foresees(mt5.TRADE_RETCODE_INVALID_VOLUME, volume=0.0)),
    Rule(
        938,
        "a stop on the wrong side is 10016",
        CHECK,
        _foresees(mt5.TRADE_RETCODE_INVALID_STOPS, sl=999_999.0),
    ),
    Rule(939, "what it foresees comes to be", CHECK, _as_it_will_be, TRADE),
)
