"""Without a link every function fails with its own failure value, and says why."""

from __future__ import annotations

from typing import Any

from infra.mt5 import constants as mt5
from infra.mt5.certify.expect import same
from infra.mt5.certify.rule import Needs, Rule
from infra.mt5.certify.scene import Scene

BAR, EVER = mt5.TIMEFRAME_M1, (0, 1)
# The functions in a fixed order, which numbers them, with arguments that are sound.
ASKED: tuple[tuple[str, tuple[Any, ...], object], ...] = (
    ("version", (), None),
    ("terminal_info", (), None),
    ("account_info", (), None),
    ("symbols_total", (), None),
    ("symbols_get", (), None),
    ("symbol_info", ("EURUSD",), None),
    ("symbol_info_tick", ("EURUSD",), None),
    ("symbol_select", ("EURUSD", True), False),
    ("market_book_get", ("EURUSD",), None),
    ("copy_ticks_from", ("EURUSD", 1, 1, mt5.COPY_TICKS_ALL), None),
    ("copy_ticks_range", ("EURUSD", 1, 2, mt5.COPY_TICKS_ALL), None),
    ("copy_rates_from", ("EURUSD", BAR, 1, 1), None),
    ("copy_rates_from_pos", ("EURUSD", BAR, 0, 1), None),
    ("copy_rates_range", ("EURUSD", BAR, 1, 2), None),
    ("order_calc_margin", (0, "EURUSD", 0.1, 1.1), None),
    ("order_calc_profit", (0, "EURUSD", 0.1, 1.1, 1.2), None),
    ("order_check", ({},), None),
    ("order_send", ({},), None),
    ("orders_total", (), None),
    ("orders_get", (), None),
    ("positions_total", (), None),
    ("positions_get", (), None),
    ("history_orders_total", EVER, None),
    ("history_orders_get", EVER, None),
    ("history_deals_total", EVER, None),
    ("history_deals_get", EVER, None),
    ("login", (1,), False),
)
QUIET = ("market_book_add", "market_book_release")


def _fails(function: str, arguments: tuple[Any, ...], value: object) -> Any:
    def check(scene: Scene) -> None:
        scene.terminal.shutdown()
        code = mt5.RES_E_INTERNAL_FAIL_CONNECT
        scene.fails(value, code, None, function, *arguments)

    return check


def _fails_quietly(function: str) -> Any:
    def check(scene: Scene) -> None:
        scene.terminal.shutdown()
        same(f"{function} to fail with", scene.call(function, scene.symbol), False)
        scene.succeeded()

    return check


RULES = (
    *(
        Rule(
            151 + index,
            f"{function} fails with {value} and -10004",
            function,
            _fails(function, arguments, value),
            Needs.LINK,
        )
        for index, (function, arguments, value) in enumerate(ASKED)
    ),
    *(
        Rule(
            181 + index,
            f"{function} fails with False and leaves Success",
            function,
            _fails_quietly(function),
            Needs.LINK,
        )
        for index, function in enumerate(QUIET)
    ),
)
