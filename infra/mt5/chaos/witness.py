"""A link that looks at each reply: whether it is of the account, and about what was asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from infra.mt5 import constants as mt5
from infra.mt5.agent.contract import READS
from infra.mt5.chaos.record import Crossings
from infra.mt5.link import Called, CallError, Link
from infra.mt5.tuples import AccountInfo, OrderSendResult, SymbolInfo, TradeDeal, TradePosition


class WitnessLink:
    """Passes calls on. `owns` knows the magic numbers under which the account has sent."""

    def __init__(
        self, link: Link, login: int, owns: Callable[[int], bool], crossings: Crossings
    ) -> None:
        self._link = link
        self._login = login
        self._owns = owns
        self._crossings = crossings

    def open(self, timeout_ms: int) -> None:
        """Make the link."""
        self._link.open(timeout_ms)

    def ahead(self, *calls: Called) -> None:
        """These calls come next."""
        self._link.ahead(*calls)

    def life(self) -> str:
        """Passed on."""
        return self._link.life()

    def close(self) -> None:
        """Give the link up."""
        self._link.close()

    def call(self, function: str, *arguments: Any) -> Any:
        """The terminal's answer, once it has been looked at."""
        try:
            value = self._link.call(function, *arguments)
        except CallError as error:
            if error.code == mt5.RES_E_INTERNAL_FAIL:  # the client itself refused the reply
                self._note(function, error.text)
            raise
        if what := self._stranger(value, arguments):
            self._note(function, what)
        if function in READS:
            self._crossings.served()
        return value

    def _note(self, function: str, what: str) -> None:
        self._crossings.note(f"{function} of {self._login}: {what}")

    def _stranger(self, value: Any, arguments: tuple[Any, ...]) -> str:
        """What in a reply is another's, or nothing."""
        match value:
            case AccountInfo() if value.login != self._login:
                return f"the account is {value.login}"
            case SymbolInfo() if value.name != arguments[0]:
                return f"{value.name} for {arguments[0]}"
            case OrderSendResult():
                asked, echoed = arguments[0], value.request
                same = (asked.magic, asked.symbol) == (echoed.magic, echoed.symbol)
                return "" if same else f"{echoed.magic} is answered for {asked.magic}"
            case tuple():
                return next((f"{s.ticket} is a stranger's" for s in value if self._is_odd(s)), "")
        return ""

    def _is_odd(self, shown: object) -> bool:
        if not isinstance(shown, TradePosition | TradeDeal) or not shown.magic:
            return False
        return not self._owns(shown.magic)
