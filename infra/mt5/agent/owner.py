"""The one who owns an agent's terminal: keeps it logged in to one account and to no other.

All of this runs in the agent's one worker thread.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any

from infra.mt5 import constants as mt5
from infra.mt5.agent.calls import called, left_by
from infra.mt5.agent.contract import Identity
from infra.mt5.gateway import health
from infra.mt5.link import Called, CallError
from infra.mt5.recovery import Recovery, of_error
from infra.mt5.terminal import Terminal
from infra.secrets.provider import SecretsError
from infra.secrets.vault import Credential

REFUSED_S = 600.0
"""Least time between two tries of a credential that was refused and is still the same."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Account:
    """Whom a terminal is to be logged in as. Without a credential the terminal has one saved.

    `path` is the terminal's program, where the terminal has one to be started.
    """

    login: int
    path: str | None = None
    credential: Callable[[], Credential | None] = lambda: None


@dataclass(frozen=True, slots=True)
class Refused:
    """A credential that the broker has refused, and until when it is not tried again."""

    error: CallError
    credential: Credential | None
    until_s: float


class LateError(Exception):
    """The caller has stopped waiting: nothing is done for him any more."""


class Owner:
    """A terminal, and the account that it must be logged in to. Not thread-safe."""

    def __init__(self, terminal: Terminal, account: Account) -> None:
        self._terminal = terminal
        self._account = account
        self._refused: Refused | None = None
        self.identity: Identity | None = None
        """The terminal's, as it was when it was first seen right; it must stay so."""
        self.trouble = ""

    def answer(
        self, function: str, arguments: tuple[Any, ...], expected: Identity | None, until_s: float
    ) -> Any:
        """The value of a call that somebody waits for until `until_s`, or `CallError`."""
        if function == "login":
            login, password, server = arguments
            return self._login(login, password, server, until_s)
        if function == "order_send":
            self._assert(expected)
            if monotonic() >= until_s:
                raise LateError
        return called(self._terminal, function, *arguments)

    def foresee(self, calls: tuple[Called, ...]) -> None:
        """These calls come next."""
        self._terminal.ahead(*calls)

    def look(self) -> None:
        """The heartbeat: whether the terminal, once logged in, is still the one that it was, and
        how far it is from trading. What is wrong is said when it begins and when it is over."""
        if self.identity is None:
            return
        try:
            self._identified()
            trouble = health.look(self._terminal, health.Identity(self._account.login, "")).detail
        except CallError as error:
            trouble = error.text
        if trouble != self.trouble:
            log.critical("account %d: %s", self._account.login, trouble or "all is well again")
        self.trouble = trouble

    def close(self) -> None:
        """Let the terminal go."""
        self._terminal.shutdown()

    def _login(self, login: int, password: str, server: str, until_s: float) -> Identity:
        """Log in where that is missing, with the caller's credentials or else with our own."""
        if login not in (0, self._account.login):
            raise _refusal(f"this agent's account is {self._account.login}, not {login}")
        seen = self._seen()
        if seen is None or password or self._is_other(seen, server):
            own = self._own() if not password else None
            given = {"password": password, "server": server}
            if own is not None:
                given = {"password": own.password, "server": server or own.server}
            if not self._entered(seen, given, _left_ms(until_s)):
                error = left_by(self._terminal)
                if not (password or server) and of_error(error.code) is Recovery.NEVER_AGAIN:
                    self._refused = Refused(error, own, monotonic() + REFUSED_S)
                raise error
            self._refused = None
        return self._identified()

    def _own(self) -> Credential | None:
        """Our own credential, unless it was refused: another try might lock the account."""
        try:
            own = self._account.credential()
        except SecretsError as error:
            raise _refusal(str(error)) from error
        refused = self._refused
        if refused and refused.credential == own and monotonic() < refused.until_s:
            raise refused.error
        return own

    def _entered(self, seen: Identity | None, given: dict[str, str], limit_ms: int) -> bool:
        """Log in through the link there is, or make one."""
        login = self._account.login
        if seen is not None:
            return self._terminal.login(login, timeout=limit_ms, **given)
        named: dict[str, Any] = {name: text for name, text in given.items() if text}
        path = self._account.path
        return self._terminal.initialize(path, login=login, timeout=limit_ms, **named)

    def _is_other(self, seen: Identity, server: str) -> bool:
        return seen.login != self._account.login or server not in ("", seen.server)

    def _seen(self) -> Identity | None:
        self._terminal.ahead(("terminal_info",), ("account_info",))
        info = self._terminal.terminal_info()
        account = self._terminal.account_info() if info is not None else None
        if info is None or account is None:
            return None
        return Identity(account.login, account.server, info.path)

    def _identified(self) -> Identity:
        """The terminal's identity, which must be what it was, and the account's."""
        seen = self._seen()
        if seen is None:
            raise left_by(self._terminal)
        if seen.login != self._account.login:
            raise _refusal(f"the terminal is {_named(seen)}; this agent is {self._account.login}'s")
        if self.identity not in (None, seen):
            raise _refusal(f"the terminal is {_named(seen)}; it was {_named(self.identity)}")
        self.identity = seen
        return seen

    def _assert(self, expected: Identity | None) -> None:
        seen = self._identified()
        if expected != seen:
            raise _refusal(f"the terminal is {_named(seen)}; the sender means {_named(expected)}")


def _refusal(why: str) -> CallError:
    return CallError(mt5.RES_E_AUTH_FAILED, f"Terminal: Authorization failed: {why}")


def _named(identity: Identity | None) -> str:
    return f"{identity.login} at {identity.server} in {identity.path}" if identity else "nobody"


def _left_ms(until_s: float) -> int:
    left_s = until_s - monotonic()
    if left_s <= 0:
        raise LateError
    return int(left_s * 1000)
