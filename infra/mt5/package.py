"""The package's functions over any link: argument rules, failure values, `last_error`.

The vendor's extension module is built in the same way: arguments are parsed and group filters
applied on the caller's side, the rest goes over a pipe to the terminal.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from infra.mt5 import arguments
from infra.mt5.depth import DepthOfMarket
from infra.mt5.failure import SUCCESS, or_none, typed
from infra.mt5.group import chosen, in_group
from infra.mt5.history import History
from infra.mt5.link import Called, CallError, Link
from infra.mt5.terminal import Date, Rows
from infra.mt5.tuples import (
    AccountInfo,
    OrderCheckResult,
    OrderSendResult,
    SymbolInfo,
    TerminalInfo,
    Tick,
    TradeOrder,
    TradePosition,
)


class Package(DepthOfMarket, History):
    """A `Terminal` over a link."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self.error = SUCCESS

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
        """Close the link there is, make a new one and log in."""
        del portable  # as of the path, a link knows where its terminal is
        given = (login or 0, password or "", server or "", timeout)
        return self._linked(path or "", *given) is not None

    @or_none
    def _linked(self, path: str, login: int, password: str, server: str, timeout: int) -> bool:
        self._link.close()
        arguments.text("path", path, arguments.PATH_UNITS_MAX)
        credentials = arguments.credentials(login, password, server)
        self._link.open(arguments.whole("timeout", timeout))
        try:
            self._link.call("login", *credentials)
        except CallError:
            self._link.close()
            raise
        return True

    def login(
        self, login: int, password: str = "", server: str = "", timeout: int = 60_000
    ) -> bool:
        """Log the terminal in to an account."""
        return self._logged_in(login, password, server, timeout) is not None

    @or_none
    def _logged_in(self, login: int, password: str, server: str, timeout: int) -> bool:
        arguments.whole("timeout", timeout)
        self._link.call("login", *arguments.credentials(login, password, server))
        return True

    def ahead(self, *calls: Called) -> None:
        """Say which calls come next."""
        self._link.ahead(*calls)

    def life(self) -> str:
        """Which life of an agent is well behind the link."""
        return self._link.life()

    def shutdown(self) -> bool:
        """Close the link."""
        self.error = SUCCESS
        self._link.close()
        return True

    def last_error(self) -> tuple[int, str]:
        """The code and text that the previous call left."""
        return self.error

    @or_none
    def version(self) -> tuple[int, int, str]:
        """The terminal's version, build and release date."""
        return typed(tuple, self._link.call("version"))

    @or_none
    def terminal_info(self) -> TerminalInfo:
        """The terminal's state and settings."""
        return typed(TerminalInfo, self._link.call("terminal_info"))

    @or_none
    def account_info(self) -> AccountInfo:
        """The account logged in."""
        return typed(AccountInfo, self._link.call("account_info"))

    @or_none
    def symbols_total(self) -> int:
        """How many symbols the server has."""
        return typed(int, self._link.call("symbols_total"))

    @or_none
    def symbols_get(self, group: str | None = None) -> tuple[SymbolInfo, ...]:
        """All symbols, or those of a group."""
        wanted = None if group is None else arguments.group(group)
        found: tuple[SymbolInfo, ...] = self._link.call("symbols_get")
        return tuple(each for each in found if wanted is None or in_group(each.name, wanted))

    @or_none
    def symbol_info(self, symbol: str, /) -> SymbolInfo:
        """One symbol."""
        return typed(SymbolInfo, self._link.call("symbol_info", arguments.symbol(symbol)))

    @or_none
    def symbol_info_tick(self, symbol: str, /) -> Tick:
        """A symbol's last quote."""
        return typed(Tick, self._link.call("symbol_info_tick", arguments.symbol(symbol)))

    def symbol_select(self, symbol: str, enable: bool = True, /) -> bool:
        """Show a symbol in the market watch, or take it out."""
        return self._selected(symbol, enable) is not None

    @or_none
    def _selected(self, symbol: str, enable: bool) -> bool:
        self._link.call("symbol_select", arguments.symbol(symbol), bool(enable))
        return True

    @or_none
    def copy_ticks_from(self, symbol: str, date_from: Date, count: int, flags: int, /) -> Rows:
        """At most `count` ticks from a date on."""
        start_s = arguments.seconds("date_from", date_from)
        wanted = arguments.whole("count", count)
        name = arguments.symbol(symbol)
        return _rows(
            self._link.call("copy_ticks_from", name, start_s, wanted, arguments.flags(flags))
        )

    @or_none
    def copy_ticks_range(self, symbol: str, date_from: Date, date_to: Date, flags: int, /) -> Rows:
        """The ticks of a range."""
        start_s = arguments.seconds("date_from", date_from)
        end_s = arguments.seconds("date_to", date_to)
        name = arguments.symbol(symbol)
        return _rows(
            self._link.call("copy_ticks_range", name, start_s, end_s, arguments.flags(flags))
        )

    @or_none
    def copy_rates_from(self, symbol: str, timeframe: int, date_from: Date, count: int, /) -> Rows:
        """The last bars up to a date."""
        until_s = arguments.seconds("date_from", date_from)
        wanted = arguments.whole("count", count)
        name = arguments.symbol(symbol)
        return _rows(
            self._link.call("copy_rates_from", name, _timeframe(timeframe), until_s, wanted)
        )

    @or_none
    def copy_rates_from_pos(
        self, symbol: str, timeframe: int, start_pos: int, count: int, /
    ) -> Rows:
        """Bars counted back from the newest."""
        skipped = arguments.whole("start_pos", start_pos)
        wanted = arguments.whole("count", count)
        name = arguments.symbol(symbol)
        return _rows(
            self._link.call("copy_rates_from_pos", name, _timeframe(timeframe), skipped, wanted)
        )

    @or_none
    def copy_rates_range(
        self, symbol: str, timeframe: int, date_from: Date, date_to: Date, /
    ) -> Rows:
        """The bars of a range."""
        start_s = arguments.seconds("date_from", date_from)
        end_s = arguments.seconds("date_to", date_to)
        name = arguments.symbol(symbol)
        return _rows(
            self._link.call("copy_rates_range", name, _timeframe(timeframe), start_s, end_s)
        )

    @or_none
    def order_calc_margin(self, action: int, symbol: str, volume: float, price: float, /) -> float:
        """The margin that a deal would need."""
        name = arguments.symbol(symbol)
        figures = (arguments.real("volume", volume), arguments.real("price", price))
        kind = arguments.whole("action", action)
        return typed(float, self._link.call("order_calc_margin", kind, name, *figures))

    @or_none
    def order_calc_profit(
        self, action: int, symbol: str, volume: float, price_open: float, price_close: float, /
    ) -> float:
        """The profit of a deal between two prices."""
        name = arguments.symbol(symbol)
        prices = (
            arguments.real("price_open", price_open),
            arguments.real("price_close", price_close),
        )
        kind, lots = arguments.whole("action", action), arguments.real("volume", volume)
        return typed(float, self._link.call("order_calc_profit", kind, name, lots, *prices))

    @or_none
    def order_check(
        self, request: Mapping[str, Any] | None = None, /, **fields: Any
    ) -> OrderCheckResult:
        """What would happen to a request."""
        parsed = arguments.request(request, fields)
        return typed(OrderCheckResult, self._link.call("order_check", parsed))

    @or_none
    def order_send(
        self, request: Mapping[str, Any] | None = None, /, **fields: Any
    ) -> OrderSendResult:
        """Send a trade request once."""
        parsed = arguments.request(request, fields)
        return typed(OrderSendResult, self._link.call("order_send", parsed))

    @or_none
    def orders_total(self) -> int:
        """How many orders are active."""
        return len(self._link.call("orders_get"))

    @or_none
    def orders_get(
        self,
        *unnamed: object,
        symbol: str | None = None,
        group: str | None = None,
        ticket: int | None = None,
    ) -> tuple[TradeOrder, ...]:
        """Active orders."""
        arguments.none(unnamed)
        return chosen(self._link.call("orders_get"), symbol, group, ticket)

    @or_none
    def positions_total(self) -> int:
        """How many positions are open."""
        return len(self._link.call("positions_get"))

    @or_none
    def positions_get(
        self,
        *unnamed: object,
        symbol: str | None = None,
        group: str | None = None,
        ticket: int | None = None,
    ) -> tuple[TradePosition, ...]:
        """Open positions."""
        arguments.none(unnamed)
        return chosen(self._link.call("positions_get"), symbol, group, ticket)


def _rows(answer: object) -> Rows:
    return typed(np.ndarray, answer)


def _timeframe(value: object) -> int:
    return arguments.whole("timeframe", value)
