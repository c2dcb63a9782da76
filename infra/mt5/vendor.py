"""The vendor's package as a terminal: the one place that imports it, on Windows, when asked.

One link per process: a second `VendorTerminal` in a process is the same terminal.
"""

import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from infra.mt5.link import Called
from infra.mt5.terminal import Date, Rows
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

# mypy: disable-error-code="no-any-return"
# The package has no types; its tuples are struct sequences with the fields of ours.


class VendorTerminal:
    """Passes each call on as it is; arguments that are `None` were not given."""

    def __init__(self) -> None:
        if sys.platform != "win32" and "MetaTrader5" not in sys.modules:
            raise RuntimeError("the MetaTrader5 package runs on Windows only; use the venue here")
        self._package: Any = import_module("MetaTrader5")

    @property
    def names(self) -> Mapping[str, Any]:
        """The package's names, its constants among them."""
        return vars(self._package)

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
        """Without `path` the package would choose a terminal by itself: always give one."""
        given = _given(login=login, password=password, server=server)
        at = () if path is None else (path,)
        return self._package.initialize(*at, timeout=timeout, portable=portable, **given)

    def login(
        self, login: int, password: str = "", server: str = "", timeout: int = 60_000
    ) -> bool:
        """By keywords: the package's own positions contradict its documentation."""
        given = _given(password=password or None, server=server or None)
        return self._package.login(login, timeout=timeout, **given)

    def ahead(self, *calls: Called) -> None:
        """The package answers one call at a time."""

    def life(self) -> str:
        """There is no agent before it."""
        return ""

    def shutdown(self) -> bool:
        """Close the link."""
        return self._package.shutdown()

    def version(self) -> tuple[int, int, str] | None:
        """The terminal's version, build and release date."""
        return self._package.version()

    def last_error(self) -> tuple[int, str]:
        """The code and text that the previous call left."""
        return self._package.last_error()

    def terminal_info(self) -> TerminalInfo | None:
        """The terminal's state and settings."""
        return self._package.terminal_info()

    def account_info(self) -> AccountInfo | None:
        """The account logged in."""
        return self._package.account_info()

    def symbols_total(self) -> int | None:
        """How many symbols the server has."""
        return self._package.symbols_total()

    def symbols_get(self, group: str | None = None) -> tuple[SymbolInfo, ...] | None:
        """All symbols, or those of a group."""
        return self._package.symbols_get(**_given(group=group))

    def symbol_info(self, symbol: str, /) -> SymbolInfo | None:
        """One symbol."""
        return self._package.symbol_info(symbol)

    def symbol_info_tick(self, symbol: str, /) -> Tick | None:
        """A symbol's last quote."""
        return self._package.symbol_info_tick(symbol)

    def symbol_select(self, symbol: str, enable: bool = True, /) -> bool:
        """Show a symbol in the market watch, or take it out."""
        return self._package.symbol_select(symbol, enable)

    def market_book_add(self, symbol: str, /) -> bool | None:
        """Have a symbol's depth of market kept."""
        return self._package.market_book_add(symbol)

    def market_book_get(self, symbol: str, /) -> tuple[BookInfo, ...] | None:
        """A symbol's depth of market."""
        return self._package.market_book_get(symbol)

    def market_book_release(self, symbol: str, /) -> bool | None:
        """Have no more of a symbol's depth of market."""
        return self._package.market_book_release(symbol)

    def copy_ticks_from(
        self, symbol: str, date_from: Date, count: int, flags: int, /
    ) -> Rows | None:
        """At most `count` ticks from a date on."""
        return self._package.copy_ticks_from(symbol, date_from, count, flags)

    def copy_ticks_range(
        self, symbol: str, date_from: Date, date_to: Date, flags: int, /
    ) -> Rows | None:
        """The ticks of a range."""
        return self._package.copy_ticks_range(symbol, date_from, date_to, flags)

    def copy_rates_from(
        self, symbol: str, timeframe: int, date_from: Date, count: int, /
    ) -> Rows | None:
        """The last bars up to a date."""
        return self._package.copy_rates_from(symbol, timeframe, date_from, count)

    def copy_rates_from_pos(
        self, symbol: str, timeframe: int, start_pos: int, count: int, /
    ) -> Rows | None:
        """Bars counted back from the newest."""
        return self._package.copy_rates_from_pos(symbol, timeframe, start_pos, count)

    def copy_rates_range(
        self, symbol: str, timeframe: int, date_from: Date, date_to: Date, /
    ) -> Rows | None:
        """The bars of a range."""
        return self._package.copy_rates_range(symbol, timeframe, date_from, date_to)

    def order_calc_margin(
        self, action: int, symbol: str, volume: float, price: float, /
    ) -> float | None:
        """The margin that a deal would need."""
        return self._package.order_calc_margin(action, symbol, volume, price)

    def order_calc_profit(
        self, action: int, symbol: str, volume: float, price_open: float, price_close: float, /
    ) -> float | None:
        """The profit of a deal between two prices."""
        return self._package.order_calc_profit(action, symbol, volume, price_open, price_close)

    def order_check(
        self, request: Mapping[str, Any] | None = None, /, **fields: Any
    ) -> OrderCheckResult | None:
        """What would happen to a request."""
        return self._package.order_check(*_one(request), **fields)

    def order_send(
        self, request: Mapping[str, Any] | None = None, /, **fields: Any
    ) -> OrderSendResult | None:
        """Send a trade request once."""
        return self._package.order_send(*_one(request), **fields)

    def orders_total(self) -> int | None:
        """How many orders are active."""
        return self._package.orders_total()

    def orders_get(
        self,
        *unnamed: object,
        symbol: str | None = None,
        group: str | None = None,
        ticket: int | None = None,
    ) -> tuple[TradeOrder, ...] | None:
        """Active orders."""
        given = _given(symbol=symbol, group=group, ticket=ticket)
        return self._package.orders_get(*unnamed, **given)

    def positions_total(self) -> int | None:
        """How many positions are open."""
        return self._package.positions_total()

    def positions_get(
        self,
        *unnamed: object,
        symbol: str | None = None,
        group: str | None = None,
        ticket: int | None = None,
    ) -> tuple[TradePosition, ...] | None:
        """Open positions."""
        given = _given(symbol=symbol, group=group, ticket=ticket)
        return self._package.positions_get(*unnamed, **given)

    def history_orders_total(self, date_from: Date, date_to: Date, /) -> int | None:
        """How many orders were done in a range."""
        return self._package.history_orders_total(date_from, date_to)

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
        """Orders that are done."""
        given = _given(group=group, ticket=ticket, position=position)
        return self._package.history_orders_get(*_dates(date_from, date_to), **given)

    def history_deals_total(self, date_from: Date, date_to: Date, /) -> int | None:
        """How many deals were made in a range."""
        return self._package.history_deals_total(date_from, date_to)

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
        """Deals."""
        given = _given(group=group, ticket=ticket, position=position)
        return self._package.history_deals_get(*_dates(date_from, date_to), **given)


def _given(**arguments: Any) -> dict[str, Any]:
    return {name: value for name, value in arguments.items() if value is not None}


def _one(request: Mapping[str, Any] | None) -> tuple[Any, ...]:
    return () if request is None else (request,)


def _dates(date_from: Date | None, date_to: Date | None) -> tuple[Date, ...]:
    return tuple(date for date in (date_from, date_to) if date is not None)
