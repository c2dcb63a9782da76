"""A module with the names of the vendor's package, over one simulated terminal."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from infra.mt5 import constants
from infra.mt5.package import Package
from infra.mt5.shim.convenience import Convenience

NAME = "MetaTrader5"
VERSION = "5.0.6231"
AUTHOR = "Tapedeck, simulated"
"""Programs in the vendor's own style begin by printing it."""
FUNCTIONS = (
    "initialize",
    "login",
    "shutdown",
    "version",
    "last_error",
    "account_info",
    "terminal_info",
    "symbols_total",
    "symbols_get",
    "symbol_info",
    "symbol_info_tick",
    "symbol_select",
    "market_book_add",
    "market_book_get",
    "market_book_release",
    "copy_rates_from",
    "copy_rates_from_pos",
    "copy_rates_range",
    "copy_ticks_from",
    "copy_ticks_range",
    "orders_total",
    "orders_get",
    "order_calc_margin",
    "order_calc_profit",
    "order_check",
    "order_send",
    "positions_total",
    "positions_get",
    "history_orders_total",
    "history_orders_get",
    "history_deals_total",
    "history_deals_get",
)


CONVENIENT = ("Buy", "Sell", "Close")


def contents(terminal: Package) -> dict[str, Any]:
    """Every public name of the package: its functions, bound to the terminal, and its constants."""
    functions = {name: getattr(terminal, name) for name in FUNCTIONS}
    convenient = {name: getattr(Convenience(terminal), name) for name in CONVENIENT}
    values = {name: value for name, value in vars(constants).items() if name.isupper()}
    told = {"__author__": AUTHOR, "__version__": VERSION}
    return {**functions, **convenient, **values, **told}


def module_of(terminal: Package) -> ModuleType:
    """The module."""
    module = ModuleType(NAME, "MetaTrader 5, simulated.")
    vars(module).update(contents(terminal))
    return module
