"""Who sets the scene for a rule: a terminal that lives, alone with what it is."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, cast

from infra.mt5 import constants as mt5
from infra.mt5.certify.rule import PLAIN, Needs, NotProvokable, Rule
from infra.mt5.certify.scene import MAGICS, Scene
from infra.mt5.certify.tapped import Call, Tapped
from infra.mt5.terminal import Terminal
from infra.mt5.tuples import TradeOrder, TradePosition

WAIT_MS_MAX = 5_000
"""Of a real market a rule is not given more time than that at once."""
CLEARED_STEPS, CLEARED_STEP_MS = 40, 250


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
        trades = self.trade and rule.needs is Needs.TRADE
        made = Scene(
            self._guarded(trades),
            self.login,
            self.symbol,
            self.lots,
            lambda ms: time.sleep(min(ms, WAIT_MS_MAX) / 1000),
            opening=self.opening,
            names=getattr(self.terminal, "names", vars(mt5)),
        )
        before = {each.ticket for each in _open(made)} if trades else set()
        try:
            yield made
        finally:
            if trades:
                _clear(made, before)

    def _guarded(self, trades: bool) -> Terminal:
        """The terminal, for requests only where the rule may send some, and its account is ours."""

        def through(name: str, call: Call, *arguments: Any, **keywords: Any) -> Any:
            if name == "order_send" and (keywords or (arguments and arguments[0])):
                self._let_pass(trades, arguments)
            return call(*arguments, **keywords)

        return cast("Terminal", Tapped(self.terminal, through))

    def _let_pass(self, trades: bool, arguments: tuple[Any, ...]) -> None:
        if arguments and not isinstance(arguments[0], dict):
            return  # the package itself refuses it
        if not trades:
            raise Refused("a rule that does not trade sends nothing")
        account = self.terminal.account_info()
        demo = account is not None and account.trade_mode == mt5.ACCOUNT_TRADE_MODE_DEMO
        if account is None or account.login != self.login or not demo:
            raise Refused(f"the terminal's account is no longer the demo account {self.login}")


def _open(scene: Scene) -> tuple[TradeOrder | TradePosition, ...]:
    """What the rules have left active or open."""
    orders, positions = scene.terminal.orders_get() or (), scene.terminal.positions_get() or ()
    found: list[TradeOrder | TradePosition] = [*orders, *positions]
    return tuple(each for each in found if each.magic in MAGICS)


def _undone(scene: Scene, each: TradeOrder | TradePosition) -> dict[str, Any]:
    """The request that takes an order back, or closes a position."""
    if "time_setup" in each._asdict():
        return {"action": mt5.TRADE_ACTION_REMOVE, "order": each.ticket}
    return scene.closing(cast("TradePosition", each), symbol=each.symbol)


def _clear(scene: Scene, before: set[int]) -> None:
    """Take back the orders of a rule and close its positions; `Refused` where that fails."""

    def left() -> list[int]:
        return [each.ticket for each in _open(scene) if each.ticket not in before]

    for each in _open(scene):
        if each.ticket in before:
            continue
        scene.terminal.order_send(_undone(scene, each))
    for _ in range(CLEARED_STEPS):
        if not left():
            return
        scene.let_pass(CLEARED_STEP_MS)
    raise Refused(f"could not be cleared away, do it by hand: {left()}")
