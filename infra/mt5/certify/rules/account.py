"""The account and the terminal, as `account_info` and `terminal_info` show them."""

from __future__ import annotations

from infra.mt5 import constants as mt5
from infra.mt5.certify.expect import among, equal, fields, holds, kinds, provided, same
from infra.mt5.certify.rule import Check, Needs, Rule, steady
from infra.mt5.certify.scene import Scene
from infra.mt5.infos import AccountInfo, TerminalInfo

CENT = 0.011
PERCENT = 0.011
ACCOUNT, PROPERTIES = "account_info", "Account Properties"
TERMINAL = "terminal_info"
KINDS = (int, bool, float, str)


def _named(kind: type, owner: type) -> list[str]:
    return [name for name, said in owner.__annotations__.items() if said is kind]


def _account_kinds(kind: type) -> Check:
    return lambda scene: kinds(scene.account(), kind, _named(kind, AccountInfo))


def _terminal_kinds(kind: type) -> Check:
    return lambda scene: kinds(scene.given("terminal_info"), kind, _named(kind, TerminalInfo))


def _account_among(name: str, values: range) -> Check:
    return lambda scene: among(name, getattr(scene.account(), name), values)


def _equity(scene: Scene) -> None:
    found, swap = scene.account(), sum(each.swap for each in scene.given("positions_get"))
    equal("equity", found.equity, found.balance + found.credit + found.profit + swap, CENT)


def _profit_of_positions(scene: Scene) -> None:
    scene.opened()
    scene.let_pass(60_000)
    positions, found = scene.given("positions_get"), scene.account()
    holds("a profit that moves", any(each.profit for each in positions), positions)
    equal("profit", found.profit, sum(each.profit for each in positions), CENT * len(positions))
    _equity(scene)


def _free(scene: Scene) -> None:
    scene.opened()
    found = scene.account()
    equal("margin_free", found.margin_free, found.equity - found.margin, CENT)


def _level(scene: Scene) -> None:
    scene.opened()
    found = scene.account()
    equal("margin_level", found.margin_level, found.equity / found.margin * 100, PERCENT)


def _idle(scene: Scene) -> None:
    found = scene.account()
    provided(not scene.given("positions_get"), "the account has positions")
    same("margin and margin_level", (found.margin, found.margin_level), (0.0, 0.0))


def _binds(scene: Scene) -> None:
    before = scene.account().margin
    price = scene.opened().price_open
    wanted = scene.given("order_calc_margin", mt5.ORDER_TYPE_BUY, scene.symbol, scene.lots, price)
    equal("the margin more", scene.account().margin - before, wanted, CENT)


def _releases(scene: Scene) -> None:
    before = scene.account().margin
    scene.done(scene.closing(scene.opened()))
    equal("the margin", scene.account().margin, before, CENT)


def _balance_steps(scene: Scene) -> None:
    before = scene.account().balance
    position = scene.opened()
    scene.let_pass(60_000)
    scene.done(scene.closing(position))
    deals = scene.given("history_deals_get", position=position.ticket)
    whole = sum(each.profit + each.commission + each.swap + each.fee for each in deals)
    equal("the balance", scene.account().balance, before + whole, CENT)


def _profit_moves_no_balance(scene: Scene) -> None:
    scene.opened()
    first = scene.account()
    scene.let_pass(120_000)
    same("the balance while a position is open", scene.account().balance, first.balance)


def _currency(scene: Scene) -> None:
    found = scene.account().currency
    holds("a currency of three letters", len(found) == 3 and found.isupper(), found)


def _levels(scene: Scene) -> None:
    found = scene.account()
    holds("margin call at or above stop-out", found.margin_so_call >= found.margin_so_so, found)
    holds("a stop-out level above 0", found.margin_so_so > 0, found.margin_so_so)


def _reads_alike(scene: Scene) -> None:
    same("account_info asked twice", scene.account()[:10], scene.account()[:10])


def _connected(scene: Scene) -> None:
    found = scene.given("terminal_info")
    same("connected", found.connected, True)


def _paths(scene: Scene) -> None:
    found = scene.given("terminal_info")
    paths = (found.path, found.data_path, found.commondata_path)
    holds("three paths", all(paths), paths)


def _figures(scene: Scene) -> None:
    found = scene.given("terminal_info")
    holds("a build above 0", found.build > 0, found.build)
    holds("a number of bars above 0", found.maxbars > 0, found.maxbars)


def _permits(scene: Scene) -> None:
    found, account = scene.given("terminal_info"), scene.account()
    allowed = (found.trade_allowed, account.trade_allowed, account.trade_expert)
    result = scene.send(scene.deal())
    refused = result.retcode in (
        mt5.TRADE_RETCODE_CLIENT_DISABLES_AT,
        mt5.TRADE_RETCODE_SERVER_DISABLES_AT,
        mt5.TRADE_RETCODE_TRADE_DISABLED,
    )
    same("whether an order is let through", not refused, all(allowed))


def _stays_in_step(scene: Scene) -> None:
    found = scene.account()
    same("login", found.login, scene.login)
    holds("a server and a company", found.server and found.company, found[-4:])


TRADE = Needs.TRADE
RULES = (
    Rule(
        201,
        "the 28 fields in the package's order",
        ACCOUNT,
        lambda scene: fields(scene.account(), AccountInfo._fields),
    ),
    *(
        Rule(202 + index, f"fields that are {kind.__name__}", ACCOUNT, _account_kinds(kind))
        for index, kind in enumerate(KINDS)
    ),
    Rule(206, "trade_mode is one of three", PROPERTIES, _account_among("trade_mode", range(3))),
    Rule(207, "margin_mode is one of three", PROPERTIES, _account_among("margin_mode", range(3))),
    Rule(
        208, "margin_so_mode is one of two", PROPERTIES, _account_among("margin_so_mode", range(2))
    ),
    Rule(209, "leverage is 1 or more", PROPERTIES, _account_among("leverage", range(1, 100_001))),
    Rule(
        210,
        "currency_digits are at most 8",
        PROPERTIES,
        _account_among("currency_digits", range(9)),
    ),
    Rule(211, "currency is three letters", PROPERTIES, _currency),
    Rule(212, "login, server and company are told", ACCOUNT, _stays_in_step),
    Rule(213, "margin call comes before stop-out", PROPERTIES, _levels),
    Rule(214, "what does not move is read alike twice", ACCOUNT, _reads_alike),
    Rule(215, "equity is balance, credit, profit and swap", PROPERTIES, steady(_equity)),
    Rule(216, "without positions margin and its level are 0", PROPERTIES, _idle),
    Rule(
        217, "profit is that of the open positions", PROPERTIES, steady(_profit_of_positions), TRADE
    ),
    Rule(218, "free margin is equity less margin", PROPERTIES, _free, TRADE),
    Rule(219, "margin level is equity over margin, in percent", PROPERTIES, _level, TRADE),
    Rule(220, "a position binds what order_calc_margin says", "order_calc_margin", _binds, TRADE),
    Rule(221, "closing it sets the margin free", PROPERTIES, _releases, TRADE),
    Rule(222, "the balance moves by what the deals say", PROPERTIES, _balance_steps, TRADE),
    Rule(223, "open profit moves no balance", PROPERTIES, _profit_moves_no_balance, TRADE),
    Rule(
        231,
        "the 22 fields in the package's order",
        TERMINAL,
        lambda scene: fields(scene.given("terminal_info"), TerminalInfo._fields),
    ),
    *(
        Rule(232 + index, f"fields that are {kind.__name__}", TERMINAL, _terminal_kinds(kind))
        for index, kind in enumerate(KINDS)
    ),
    Rule(236, "a terminal with an account is connected", TERMINAL, _connected),
    Rule(237, "the terminal tells its three paths", TERMINAL, _paths),
    Rule(238, "build and maxbars are above 0", TERMINAL, _figures),
    Rule(239, "orders pass where terminal and account allow trading", TERMINAL, _permits, TRADE),
)
