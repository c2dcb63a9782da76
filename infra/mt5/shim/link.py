"""A program's way to its broker: under the name, password and pace that the options give it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from infra.mt5.link import Called, CallError, Link
from infra.mt5.shim.options import Options
from infra.mt5.simulator.settings import PASSWORD, SERVER
from infra.mt5.tuples import AccountInfo

REFUSED = "refused"  # neither the password nor the server of a simulated broker

log = logging.getLogger(__name__)


class ShimLink:
    """Another link, its broker renamed."""

    def __init__(self, link: Link, options: Options, pace: Callable[[], None]) -> None:
        self._link = link
        self._options = options
        self._pace = pace

    def open(self, timeout_ms: int) -> None:
        """Make the link."""
        self._link.open(timeout_ms)

    def call(self, function: str, *arguments: Any) -> Any:
        """The terminal's answer, a moment later."""
        self._pace()
        if function == "login":
            return self._login(*arguments)
        answer = self._link.call(function, *arguments)
        if isinstance(answer, AccountInfo):
            return answer._replace(server=self._options.server)
        return answer

    def ahead(self, *calls: Called) -> None:
        """Passed on."""
        self._link.ahead(*calls)

    def life(self) -> str:
        """Passed on."""
        return self._link.life()

    def close(self) -> None:
        """Give the link up."""
        self._link.close()

    def _login(self, login: int, password: str, server: str) -> Any:
        """As the broker has it; whoever runs the program is told what would have let it in."""
        options = self._options
        there = SERVER if server in ("", options.server) else REFUSED
        try:
            return self._link.call("login", login, self._password(password), there)
        except CallError:
            log.warning(
                "the simulated broker refuses login %s at %r: it is %r and knows %s",
                login or options.logins[0],
                server or options.server,
                options.server,
                ", ".join(map(str, options.logins)),
            )
            raise

    def _password(self, given: str) -> str:
        """The broker's own for one that will do; none is for the login that is saved."""
        if self._options.password in ("", given):
            return PASSWORD
        return REFUSED if given else ""
