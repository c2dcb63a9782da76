"""The lanes into a terminal, which does one thing at a time: what goes first of all that waits.

The package has one link per process, so five connections to an account are five lanes into one.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

from infra.mt5.agent import contract


class Lane(IntEnum):
    """In this order: the first that has something waiting goes next."""

    TRADE = 0
    RECONCILE = 1
    HEALTH = 2
    MARKET = 3
    HISTORY = 4


LANES: Mapping[Lane, tuple[str, ...]] = {
    Lane.TRADE: (
        contract.AHEAD,  # what is looked at right before a send
        "order_send",
        "order_check",
        "order_calc_margin",
        "order_calc_profit",
    ),
    Lane.RECONCILE: (
        "positions_get",
        "orders_get",
        "history_orders_between",
        "history_orders_of_ticket",
        "history_orders_of_position",
        "history_deals_between",
        "history_deals_of_ticket",
        "history_deals_of_position",
    ),
    Lane.HEALTH: ("login", "version", "terminal_info", "account_info", "symbols_total"),
    Lane.MARKET: (
        "symbols_get",
        "symbol_info",
        "symbol_info_tick",
        "symbol_select",
        "market_book_add",
        "market_book_get",
        "market_book_release",
        "copy_ticks_from",
        "copy_ticks_range",
    ),
    Lane.HISTORY: ("copy_rates_from", "copy_rates_from_pos", "copy_rates_range"),
}
LANE_OF = {function: lane for lane, functions in LANES.items() for function in functions}
"""The lane of each function of the contract."""
