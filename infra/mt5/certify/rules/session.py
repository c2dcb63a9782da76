"""Links and logins: `initialize`, `login`, `shutdown`, `version`, `last_error`."""

from __future__ import annotations

from typing import Any

from infra.mt5 import constants as mt5
from infra.mt5.certify.expect import holds, same
from infra.mt5.certify.rule import Needs, NotProvokable, Rule
from infra.mt5.certify.scene import Scene
from infra.mt5.failure import SUCCESS

NOWHERE = "NOWHERE"
PATH_UNITS, SERVER_UNITS = 257, 253


def _initializes(scene: Scene) -> None:
    same("initialize", scene.terminal.initialize(**scene.opening), True)
    scene.succeeded()
    same("the account", scene.account().login, scene.login)


def _twice(scene: Scene) -> None:
    same("initialize", scene.terminal.initialize(**scene.opening), True)
    same("initialize again", scene.terminal.initialize(**scene.opening), True)
    scene.given("terminal_info")


def _version(scene: Scene) -> None:
    found = scene.given("version")
    same("the kinds in version", [type(each) for each in found], [int, int, str])
    holds("a plain tuple of three", len(found) == 3 and type(found) is tuple, found)


def _build(scene: Scene) -> None:
    same("the build in version", scene.given("version")[1], scene.given("terminal_info").build)


def _shuts_down(scene: Scene) -> None:
    same("shutdown", scene.terminal.shutdown(), True)
    scene.succeeded()


def _shuts_down_twice(scene: Scene) -> None:
    scene.terminal.shutdown()
    same("shutdown without a link", scene.terminal.shutdown(), True)
    scene.succeeded()


def _links_again(scene: Scene) -> None:
    scene.terminal.shutdown()
    same("initialize", scene.terminal.initialize(**scene.opening), True)
    same("the account", scene.account().login, scene.login)


def _error_kinds(scene: Scene) -> None:
    found: Any = scene.terminal.last_error()
    same("the kinds in last_error", [type(each) for each in found], [int, str])


def _error_stays(scene: Scene) -> None:
    scene.terminal.symbol_info(NOWHERE)
    first = scene.terminal.last_error()
    same("last_error asked twice", scene.terminal.last_error(), first)
    holds("an error", first != SUCCESS, first)


def _error_goes(scene: Scene) -> None:
    scene.terminal.symbol_info(NOWHERE)
    scene.given("terminal_info")
    scene.succeeded()


def _error_of_the_last(scene: Scene) -> None:
    """One global: the second failure takes the place of the first."""
    scene.terminal.symbol_info(NOWHERE)
    scene.refuses("symbol", "symbol_info", 7)


def _opens_badly(name: str, *arguments: Any, **given: Any) -> Rule:
    number = {"path": 112, "server": 114, "password": 115}.get(name, 0)

    def check(scene: Scene) -> None:
        text = f'Invalid "{name}" argument'
        wrong = {**scene.opening, **given} if not arguments else given
        scene.fails(False, mt5.RES_E_INVALID_PARAMS, text, "initialize", *arguments, **wrong)

    title = f"initialize refuses a wrong {name} by its name, with False and -2"
    return Rule(number, title, "initialize", check, Needs.LINK)


def _refused_login(**wrong: Any) -> Any:
    def check(scene: Scene) -> None:
        given = {"login": scene.login, **wrong}
        scene.fails(False, mt5.RES_E_AUTH_FAILED, None, "initialize", **given)
        scene.fails(None, mt5.RES_E_INTERNAL_FAIL_CONNECT, None, "account_info")

    return check


def _other_account(scene: Scene) -> None:
    if not scene.other:
        raise NotProvokable("whoever owns this terminal keeps it at its account")
    same("login", scene.terminal.login(**scene.other), True)
    scene.succeeded()
    same("the account", scene.account().login, scene.other["login"])


def _logs_in_again(scene: Scene) -> None:
    same("login", scene.terminal.login(scene.login), True)
    same("the account", scene.account().login, scene.login)


def _logs_in_badly(name: str, **given: Any) -> Any:
    def check(scene: Scene) -> None:
        text = f'Invalid "{name}" argument'
        wrong = {"login": scene.login, **given}
        scene.fails(False, mt5.RES_E_INVALID_PARAMS, text, "login", **wrong)
        same("the account afterwards", scene.account().login, scene.login)

    return check


LINK, GUARDED = Needs.LINK, "credentials"
RULES = (
    Rule(101, "initialize makes a link and answers True", "initialize", _initializes, LINK),
    Rule(102, "initialize on a link makes a new one", "initialize", _twice, LINK),
    Rule(103, "version is a tuple of two ints and a text", "version", _version),
    Rule(104, "version and terminal_info tell the same build", "version", _build),
    Rule(105, "shutdown answers True and leaves Success", "shutdown", _shuts_down, LINK),
    Rule(106, "shutdown without a link answers True", "shutdown", _shuts_down_twice, LINK),
    Rule(107, "initialize works again after shutdown", "initialize", _links_again, LINK),
    Rule(108, "last_error is a tuple of an int and a text", "last_error", _error_kinds),
    Rule(109, "last_error does not change itself", "last_error", _error_stays),
    Rule(110, "a call that succeeds takes the error back", "last_error", _error_goes),
    Rule(111, "last_error is that of the last call alone", "last_error", _error_of_the_last),
    _opens_badly("path", "x" * (PATH_UNITS + 1)),
    _opens_badly("server", server="x" * (SERVER_UNITS + 1)),
    _opens_badly("password", password=7),
    Rule(
        117,
        "a wrong password leaves False, -6 and no link",
        "initialize",
        _refused_login(password="guess"),
        LINK,
        GUARDED,
    ),
    Rule(
        118,
        "an unknown server leaves False, -6 and no link",
        "initialize",
        _refused_login(server="Elsewhere"),
        LINK,
        GUARDED,
    ),
    Rule(
        119,
        "an unknown login leaves False, -6 and no link",
        "initialize",
        _refused_login(login=1, password="guess"),
        LINK,
        GUARDED,
    ),
    Rule(120, "login changes the account", "login", _other_account, LINK, GUARDED),
    Rule(121, "login to the account that is saved needs no password", "login", _logs_in_again),
    Rule(122, "login refuses a login that is no int", "login", _logs_in_badly("login", login="1")),
    Rule(
        123,
        "login refuses a password that is no text",
        "login",
        _logs_in_badly("password", password=5),
    ),
    Rule(
        124,
        "login refuses a server of 254 characters",
        "login",
        _logs_in_badly("server", server="x" * (SERVER_UNITS + 1)),
    ),
)
