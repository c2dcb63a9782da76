"""Links that do what none may: each breaks one claim of the drill."""

from __future__ import annotations

from typing import Any

from infra.mt5 import constants as mt5
from infra.mt5.link import Link, LinkLostError


class Passing:
    """A link that passes everything on."""

    def __init__(self, link: Link) -> None:
        self.link = link

    def __getattr__(self, name: str) -> Any:
        return getattr(self.link, name)


class Repeating(Passing):
    """Sends every order twice."""

    def call(self, function: str, *arguments: Any) -> Any:
        if function == "order_send":
            self.link.call(function, *arguments)
        return self.link.call(function, *arguments)


class Late(Passing):
    """Loses every fourth order, and sends it after the next one."""

    def __init__(self, link: Link) -> None:
        super().__init__(link)
        self._sent = 0
        self._held: tuple[Any, ...] = ()

    def call(self, function: str, *arguments: Any) -> Any:
        if function != "order_send":
            return self.link.call(function, *arguments)
        self._sent += 1
        if self._sent % 4 == 0:
            self._held = arguments
            raise LinkLostError(mt5.RES_E_INTERNAL_FAIL_RECEIVE, "lost")
        value = self.link.call(function, *arguments)
        if self._held:
            self.link.call(function, *self._held)
            self._held = ()
        return value


class Crossed(Passing):
    """Answers with the deals that another account was shown last."""

    def __init__(self, link: Link, login: int, shown: dict[int, Any]) -> None:
        super().__init__(link)
        self._login = login
        self._shown = shown

    def call(self, function: str, *arguments: Any) -> Any:
        value = self.link.call(function, *arguments)
        if not function.startswith("history_deals"):
            return value
        self._shown[self._login] = value
        others = [deals for login, deals in self._shown.items() if login != self._login]
        return others[0] if others else value
