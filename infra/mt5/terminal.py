"""The port to MetaTrader 5: the vendor package's function names, argument rules and failure values.

Every implementation (simulator in process, simulator over TCP, the vendor's package) answers alike:
a failed call returns its failure value (`None`, or `False` where it returns a bool) and leaves the
cause in `last_error()`; an empty tuple means that nothing is there, `None` that the read failed.
A date is whole seconds of the trade server's clock, or a `datetime`, taken by its `.timestamp()`.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from infra.mt5.link import Called
from infra.mt5.tuples import (
    AccountInfo,
    BookInfo,
    OrderCheckResult,
    OrderSendResult,
    SymbolInfo,
    TerminalInfo,
    Tick,
    TradeDeal,
    TradeOrder,
    TradePosition,
)

Date = int | float | datetime
Rows = npt.NDArray[np.void]
Request = Mapping[str, Any]


class Terminal(Protocol):
    """One terminal, one account. Not thread-safe: `last_error` belongs to the call just made."""

    def initialize(
        self,
        path: str | None = None,
        *,
        login: int | None = None,
        password: str | None = None,
        server: str | None = None,
        timeout: int = 60_000,
        portable: bool = False,
    ) -> bool:
        """Close the link there is, make a new one and, with `login`, log in."""

    def login(
        self, login: int, password: str = "", server: str = "", timeout: int = 60_000
    ) -> bool:
        """Log the terminal in to an account; without a password, with the one it has saved."""

    def shutdown(self) -> bool:
        """Close the link. Always `True`."""

    def ahead(self, *calls: Called) -> None:
        """Not of the package: the names and arguments of the calls that come next, in order.

        A hint, for functions without keywords. A terminal that is far away may ask all of them in
        one go; the answers are then of this moment. Any other call is answered as always.
        """

    def life(self) -> str:
        """Not of the package: which life of an agent is well, asked without the terminal.

        While there is no link, a life that was not there before makes another try worth it.
        Empty if none is well, or there is no agent.
        """

    def version(self) -> tuple[int, int, str] | None:
        """The terminal's version, build and release date."""

    def last_error(self) -> tuple[int, str]:
        """The code (`RES_*`) and text that the previous call left."""

    def terminal_info(self) -> TerminalInfo | None:
        """The terminal's state and settings."""

    def account_info(self) -> AccountInfo | None:
        """The account logged in."""

    def symbols_total(self) -> int | None:
        """How many symbols the server has."""

    def symbols_get(self, group: str | None = None) -> tuple[SymbolInfo, ...] | None:
        """All symbols, or those of a group such as `"*USD*,!XAU*"`."""

    def symbol_info(self, symbol: str, /) -> SymbolInfo | None:
        """One symbol."""

    def symbol_info_tick(self, symbol: str, /) -> Tick | None:
        """A symbol's last quote."""

    def symbol_select(self, symbol: str, enable: bool = True, /) -> bool:
        """Show a symbol in the market watch, or take it out (not while it is in use)."""

    def market_book_add(self, symbol: str, /) -> bool | None:
        """Have a symbol's depth of market kept; `False` without a cause where that fails."""

    def market_book_get(self, symbol: str, /) -> tuple[BookInfo, ...] | None:
        """A symbol's depth of market, once it was added."""

    def market_book_release(self, symbol: str, /) -> bool | None:
        """Have no more of a symbol's depth of market."""

    def copy_ticks_from(
        self, symbol: str, date_from: Date, count: int, flags: int, /
    ) -> Rows | None:
        """At most `count` ticks from a date on, oldest first."""

    def copy_ticks_range(
        self, symbol: str, date_from: Date, date_to: Date, flags: int, /
    ) -> Rows | None:
        """The ticks of a range, both ends included, oldest first."""

    def copy_rates_from(
        self, symbol: str, timeframe: int, date_from: Date, count: int, /
    ) -> Rows | None:
        """The last `count` bars that opened at or before a date."""

    def copy_rates_from_pos(
        self, symbol: str, timeframe: int, start_pos: int, count: int, /
    ) -> Rows | None:
        """`count` bars back from the `start_pos`-th newest; 0 is the open bar."""

    def copy_rates_range(
        self, symbol: str, timeframe: int, date_from: Date, date_to: Date, /
    ) -> Rows | None:
        """The bars that opened in a range, both ends included."""

    def order_calc_margin(
        self, action: int, symbol: str, volume: float, price: float, /
    ) -> float | None:
        """The margin that a deal would need, in account currency."""

    def order_calc_profit(
        self, action: int, symbol: str, volume: float, price_open: float, price_close: float, /
    ) -> float | None:
        """The profit of a deal opened and closed at these prices, in account currency."""

    def order_check(
        self, request: Request | None = None, /, **fields: Any
    ) -> OrderCheckResult | None:
        """What would happen to a request and to the account; sends nothing."""

    def order_send(
        self, request: Request | None = None, /, **fields: Any
    ) -> OrderSendResult | None:
        """Send a trade request once. `None` or a retcode does not say that nothing happened."""

    def orders_total(self) -> int | None:
        """How many orders are active."""

    def orders_get(
        self, *, symbol: str | None = None, group: str | None = None, ticket: int | None = None
    ) -> tuple[TradeOrder, ...] | None:
        """Active orders: all, or by ticket, else symbol, else group."""

    def positions_total(self) -> int | None:
        """How many positions are open."""

    def positions_get(
        self, *, symbol: str | None = None, group: str | None = None, ticket: int | None = None
    ) -> tuple[TradePosition, ...] | None:
        """Open positions: all, or by ticket, else symbol, else group."""

    def history_orders_total(self, date_from: Date, date_to: Date, /) -> int | None:
        """How many orders were done in a range."""

    def history_orders_get(
        self,
        date_from: Date | None = None,
        date_to: Date | None = None,
        /,
        *,
        group: str | None = None,
        ticket: int | None = None,
        position: int | None = None,
    ) -> tuple[TradeOrder, ...] | None:
        """Orders done in a range (two dates, `group`), or of a `ticket` or a `position`."""

    def history_deals_total(self, date_from: Date, date_to: Date, /) -> int | None:
        """How many deals were made in a range."""

    def history_deals_get(
        self,
        date_from: Date | None = None,
        date_to: Date | None = None,
        /,
        *,
        group: str | None = None,
        ticket: int | None = None,
        position: int | None = None,
    ) -> tuple[TradeDeal, ...] | None:
        """Deals of a range (two dates, `group`), or of an order `ticket` or a `position`."""
