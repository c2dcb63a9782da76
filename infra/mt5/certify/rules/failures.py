"""When a call goes wrong on its way: what is answered, what is known, what was done."""

from __future__ import annotations

from infra.mt5 import constants as mt5
from infra.mt5.certify.expect import holds, same
from infra.mt5.certify.rule import PLAIN, Check, Needs, Rule
from infra.mt5.certify.scene import Scene

SEND, ERROR = "order_send", "last_error"
SPOILED = "spoiled"
LOST = mt5.RES_E_INTERNAL_FAIL_RECEIVE
NO_LINK = mt5.RES_E_INTERNAL_FAIL_CONNECT


def _lost(scene: Scene, how: str) -> None:
    request = scene.deal()
    scene.spoil(how)
    scene.fails(None, LOST, None, SEND, request)


def _relinked(scene: Scene) -> None:
    same("initialize", scene.terminal.initialize(**scene.opening), True)


def _answer_lost(scene: Scene) -> None:
    _lost(scene, "lose the answer to a send")


def _done_all_the_same(scene: Scene) -> None:
    _lost(scene, "lose the answer to a send")
    _relinked(scene)
    same("positions", scene.given("positions_total"), 1)


def _found_by_magic(scene: Scene) -> None:
    """The one thing by which an order without an answer is found again."""
    request = scene.deal(magic=4_711)
    scene.spoil("lose the answer to a send")
    scene.fails(None, LOST, None, SEND, request)
    _relinked(scene)
    found = scene.given("history_orders_get", *scene.span())
    same("orders of this magic", [each.magic for each in found], [4_711])


def _request_lost(scene: Scene) -> None:
    _lost(scene, "lose a send")
    _relinked(scene)
    same("positions", scene.given("positions_total"), 0)
    same("orders made", scene.given("history_orders_total", *scene.span()), 0)


def _link_gone(scene: Scene) -> None:
    _lost(scene, "lose a send")
    scene.fails(None, NO_LINK, None, "account_info")


def _error_of_its_call(scene: Scene) -> None:
    _lost(scene, "lose a send")
    same("last_error asked twice", scene.terminal.last_error()[0], LOST)
    scene.terminal.shutdown()
    scene.succeeded()


def _read_fails(how: str, function: str, *arguments: int) -> Check:
    """A read that failed is `None`; an empty tuple would say that nothing is there."""

    def check(scene: Scene) -> None:
        scene.spoil(how)
        scene.fails(None, mt5.RES_E_FAIL, None, function, *arguments)
        holds("an answer again", scene.call(function, *arguments) is not None, None)

    return check


def _total_fails(scene: Scene) -> None:
    scene.spoil("fail to read positions")
    scene.fails(None, mt5.RES_E_FAIL, None, "positions_total")


def _keeps_its_link(scene: Scene) -> None:
    scene.spoil("fail to read positions")
    scene.call("positions_get")
    scene.account()


def _nothing_there(function: str) -> Check:
    def check(scene: Scene) -> None:
        same(function, scene.call(function, ticket=2**50), ())
        scene.succeeded()

    return check


def _cut_off(scene: Scene) -> None:
    """Cut off from the broker the terminal still answers, and says so."""
    same("connected", scene.given("terminal_info").connected, False)
    same("the account", scene.account().login, scene.login)


def _trading_off(scene: Scene) -> None:
    same("trade_allowed", scene.given("terminal_info").trade_allowed, False)


def _programs_off(scene: Scene) -> None:
    same("trade_expert", scene.account().trade_expert, False)


def _account_off(scene: Scene) -> None:
    same("trade_allowed", scene.account().trade_allowed, False)


def _rule(number: int, title: str, page: str, check: Check, situation: str = SPOILED) -> Rule:
    needs = Needs.READ if situation == PLAIN else Needs.TRADE
    return Rule(number, title, page, check, needs, situation)


RULES = (
    _rule(1901, "a lost answer is None and -10002", SEND, _answer_lost),
    _rule(1902, "what was sent is done although its answer is lost", SEND, _done_all_the_same),
    _rule(1903, "it is found by its magic", "history_orders_get", _found_by_magic),
    _rule(1904, "a lost request is None, and nothing is done", SEND, _request_lost),
    _rule(1905, "afterwards there is no link", "initialize", _link_gone),
    _rule(1906, "its error stays until the next call", ERROR, _error_of_its_call),
    _rule(
        1907,
        "a failed read of positions is None, not empty",
        "positions_get",
        _read_fails("fail to read positions", "positions_get"),
    ),
    _rule(
        1908,
        "a failed read of orders is None, not empty",
        "orders_get",
        _read_fails("fail to read orders", "orders_get"),
    ),
    _rule(
        1909,
        "a failed read of deals is None, not empty",
        "history_deals_get",
        _read_fails("fail to read deals", "history_deals_get", 0, 2**32 - 1),
    ),
    _rule(1910, "a total that cannot be read is None, not 0", "positions_total", _total_fails),
    _rule(1911, "a failed read leaves the link", "positions_get", _keeps_its_link),
    *(
        _rule(
            1921 + index,
            f"{name}: nothing there is an empty tuple",
            name,
            _nothing_there(name),
            PLAIN,
        )
        for index, name in enumerate(
            ("positions_get", "orders_get", "history_orders_get", "history_deals_get")
        )
    ),
    _rule(1931, "cut off, the terminal says so", "terminal_info", _cut_off, "retcode 10031"),
    _rule(1932, "AutoTrading off shows", "terminal_info", _trading_off, "retcode 10027"),
    _rule(1933, "no programs shows", "account_info", _programs_off, "retcode 10026"),
    _rule(
        1934, "an account that may not trade shows", "account_info", _account_off, "retcode 10017"
    ),
)
