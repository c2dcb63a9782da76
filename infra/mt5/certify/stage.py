"""Who sets the scene for a rule: a terminal that lives, alone with what it is."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from infra.mt5 import constants as mt5
from infra.mt5.certify.rule import PLAIN, Needs, NotProvokable, Rule
from infra.mt5.certify.scene import MAGIC, Scene
from infra.mt5.terminal import Terminal


class Refused(Exception):
    """The terminal cannot be certified at all, and why."""


class Stage(Protocol):
    """A kind of terminal to try rules on."""

    @property
    def name(self) -> str:
        """What is tried, in words."""

    def bars(self, rule: Rule) -> str:
        """Why the rule is not run here; nothing where it may be."""

    def scene(self, rule: Rule) -> AbstractContextManager[Scene]:
        """The scene of a rule; `NotProvokable` where there can be none of its situation."""


@dataclass(frozen=True, slots=True)
class LiveStage:
    """One real terminal. It is traded on only when told so, and only with play money."""

    name: str
    terminal: Terminal
    symbol: str
    trade: bool
    opening: Mapping[str, Any]
    login: int
    lots: float

    @staticmethod
    def of(
        name: str, terminal: Terminal, symbol: str, trade: bool, opening: Mapping[str, Any]
    ) -> LiveStage:
        """Link up and look: `Refused` says what is in the way."""
        if not terminal.initialize(**opening):
            raise Refused(f"{name} cannot be linked: {terminal.last_error()}")
        account, info = terminal.account_info(), terminal.symbol_info(symbol)
        if account is None or info is None:
            raise Refused(f"{name} has no account or no symbol {symbol}: {terminal.last_error()}")
        if trade and account.trade_mode != mt5.ACCOUNT_TRADE_MODE_DEMO:
            raise Refused(f"account {account.login} is no demo account: no rule trades on it")
        terminal.symbol_select(symbol, True)
        return LiveStage(name, terminal, symbol, trade, opening, account.login, info.volume_min)

    def bars(self, rule: Rule) -> str:
        """Trading needs leave."""
        if rule.needs is Needs.TRADE and rule.situation == PLAIN and not self.trade:
            return "trades: give --trade, on a demo account"
        return ""

    @contextmanager
    def scene(self, rule: Rule) -> Iterator[Scene]:
        """The terminal as it is, cleared afterwards of what the rule left."""
        if rule.situation != PLAIN:
            raise NotProvokable(f"{rule.situation}: a broker has to be told")
        if not self.terminal.terminal_info() and not self.terminal.initialize(**self.opening):
            raise Refused(f"{self.name} is gone: {self.terminal.last_error()}")
        made = Scene(
            self.terminal,
            self.login,
            self.symbol,
            self.lots,
            lambda ms: time.sleep(ms / 1000),
            opening=self.opening,
            names=getattr(self.terminal, "names", vars(mt5)),
        )
        try:
            yield made
        finally:
            if self.trade and rule.needs is Needs.TRADE:
                _clear(made)


def _clear(scene: Scene) -> None:
    """Take back the orders of the rules and close their positions."""
    for order in scene.terminal.orders_get() or ():
        if order.magic == MAGIC:
            scene.send({"action": mt5.TRADE_ACTION_REMOVE, "order": order.ticket})
    for position in scene.terminal.positions_get() or ():
        if position.magic == MAGIC:
            scene.send(scene.closing(position, symbol=position.symbol))
