"""Where a rule is tried: a terminal that is logged in, a symbol, and a way to let time pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from infra.mt5 import constants as mt5
from infra.mt5.certify.expect import among, holds, same
from infra.mt5.certify.rule import NotProvokable
from infra.mt5.failure import SUCCESS
from infra.mt5.terminal import Terminal
from infra.mt5.tuples import (
    AccountInfo,
    OrderSendResult,
    SymbolInfo,
    Tick,
    TradeOrder,
    TradePosition,
)

MAGIC = 731_055
MAGICS = (MAGIC, 2**63 - 1)
"""On all orders of the rules, so that they can be told from others and cleared away."""
BUY, SELL = mt5.ORDER_TYPE_BUY, mt5.ORDER_TYPE_SELL
DAY_S = 86_400
ACCEPTED = (mt5.TRADE_RETCODE_DONE, mt5.TRADE_RETCODE_PLACED)
PATIENCE_MS = 20_000
"""How long what a server does at once may take."""
LONG_MS = 10_000_000
"""How long the market may take to come to a price that is near."""
_STEP_MS, _STEP_MS_MAX = 250, 10_000
_FILLINGS = ((1, mt5.ORDER_FILLING_FOK), (2, mt5.ORDER_FILLING_IOC))


def no_fault(how: str) -> None:
    """A terminal that nobody can spoil."""
    raise NotProvokable(f"nothing here can make a broker {how}")


@dataclass(frozen=True, slots=True)
class Scene:
    """One rule's place. `let_pass` takes milliseconds; `spoil` makes calls go wrong."""

    terminal: Terminal
    login: int
    symbol: str
    lots: float
    let_pass: Callable[[int], None]
    spoil: Callable[[str], None] = no_fault
    opening: Mapping[str, Any] = field(default_factory=dict)  # how `initialize` is called
    other: Mapping[str, Any] = field(default_factory=dict)  # another account's credentials
    names: Mapping[str, Any] = field(default_factory=lambda: vars(mt5))  # the package's constants

    def call(self, function: str, *arguments: Any, **keywords: Any) -> Any:
        """A function by its name, with whatever arguments."""
        return getattr(self.terminal, function)(*arguments, **keywords)

    def given(self, function: str, *arguments: Any, **keywords: Any) -> Any:
        """The answer of a call that must succeed."""
        answer = self.call(function, *arguments, **keywords)
        if answer is None or answer is False:
            holds(f"an answer of {function}", False, self.terminal.last_error())
        return answer

    def fails(
        self, value: object, code: int, text: str | None, function: str, *args: Any, **keywords: Any
    ) -> None:
        """A call fails with its failure value and leaves its cause behind."""
        same(f"{function} to fail with", self.call(function, *args, **keywords), value)
        left = self.terminal.last_error()
        same("last_error", left, left if text is None else (code, text))
        same("the code in last_error", left[0], code)

    def refuses(self, name: str, function: str, *arguments: Any, **keywords: Any) -> None:
        """An argument is refused by its name before anything is asked."""
        text = f'Invalid "{name}" argument'
        self.fails(None, mt5.RES_E_INVALID_PARAMS, text, function, *arguments, **keywords)

    def succeeded(self) -> None:
        """The call just made left no error."""
        same("last_error", self.terminal.last_error(), SUCCESS)

    def account(self) -> AccountInfo:
        """The account."""
        found: AccountInfo = self.given("account_info")
        return found

    def info(self, symbol: str = "") -> SymbolInfo:
        """A symbol's specification."""
        found: SymbolInfo = self.given("symbol_info", symbol or self.symbol)
        return found

    def tick(self, symbol: str = "") -> Tick:
        """A symbol's last quote."""
        found: Tick = self.given("symbol_info_tick", symbol or self.symbol)
        return found

    def now_s(self) -> int:
        """The server's clock, as far as its last quote tells."""
        return self.tick().time

    def span(self) -> tuple[int, int]:
        """All of history."""
        return 0, self.now_s() + DAY_S

    def price(self, points: float, side: int = BUY) -> float:
        """A price so many points above the quote that a side deals at."""
        info, tick = self.info(), self.tick()
        return round((tick.bid if side else tick.ask) + points * info.point, info.digits)

    def filling(self) -> int:
        """A filling that the symbol takes for market orders."""
        mask = self.info().filling_mode
        return next((kind for bit, kind in _FILLINGS if mask & bit), mt5.ORDER_FILLING_RETURN)

    def deal(self, side: int = BUY, **fields: Any) -> dict[str, Any]:
        """A sound market order at the price of now, but for these fields."""
        plain = {
            "action": mt5.TRADE_ACTION_DEAL,
            "symbol": self.symbol,
            "type": side,
            "volume": self.lots,
            "price": self.price(0, side),
            "deviation": 20,
            "magic": MAGIC,
            "comment": "certify",
            "type_filling": self.filling(),
        }
        return {**plain, **fields}

    def waiting(self, kind: int, price: float, **fields: Any) -> dict[str, Any]:
        """A pending order."""
        plain = {"action": mt5.TRADE_ACTION_PENDING, "type": kind, "price": price}
        rest = {"type_filling": mt5.ORDER_FILLING_RETURN, **fields}
        return {**self.deal(), **plain, **rest}

    def send(self, request: Mapping[str, Any]) -> OrderSendResult:
        """The server's answer, which must be one."""
        found: OrderSendResult = self.given("order_send", dict(request))
        return found

    def done(self, request: Mapping[str, Any]) -> OrderSendResult:
        """The answer to a request that must be accepted."""
        result = self.send(request)
        among("retcode", result.retcode, ACCEPTED)
        return result

    def opened(self, side: int = BUY, **fields: Any) -> TradePosition:
        """A position that has just been opened."""
        ticket = self.done(self.deal(side, **fields)).order
        self.until(lambda: self.terminal.positions_get(ticket=ticket), "a position of the order")
        (position,) = self.given("positions_get", ticket=ticket)
        return position  # type: ignore[no-any-return]

    def placed(self, kind: int, price: float, **fields: Any) -> TradeOrder:
        """A pending order that waits."""
        ticket = self.done(self.waiting(kind, price, **fields)).order
        self.until(lambda: self.terminal.orders_get(ticket=ticket), "an order that waits")
        (order,) = self.given("orders_get", ticket=ticket)
        return order  # type: ignore[no-any-return]

    def closing(self, position: TradePosition, **fields: Any) -> dict[str, Any]:
        """The market order that closes a position."""
        given = {"volume": position.volume, "position": position.ticket, **fields}
        return self.deal(1 - position.type, **given)

    def until(self, seen: Callable[[], object], what: str, limit_ms: int = PATIENCE_MS) -> None:
        """Let time pass, in longer and longer steps, until something is so."""
        waited_ms, step_ms = 0, _STEP_MS
        while not seen():
            holds(what, waited_ms < limit_ms, f"nothing of it in {waited_ms / 1000:.0f} s")
            self.let_pass(step_ms)
            waited_ms += step_ms
            step_ms = min(step_ms * 5 // 4, _STEP_MS_MAX)
