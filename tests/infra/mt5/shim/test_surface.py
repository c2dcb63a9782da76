"""What the package's functions take, refuse and return: by name, kind and failure value."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from infra.mt5.shim.module import CONVENIENT, FUNCTIONS
from infra.mt5.tuples import RATE_DTYPE, TICK_DTYPE
from tests.infra.mt5.vendor_names import CONSTANTS, FIELDS
from tests.infra.mt5.worlds import START_MS

SUCCESS = (1, "Success")
NOW_S = START_MS // 1000
EVER = (0, 2**32 - 1)
KINDS = {"f": float, "s": str, "b": bool, "TradeRequest": tuple}

Call = Callable[[ModuleType], Any]

REFUSED: dict[str, list[Call]] = {
    "symbol": [
        lambda m: m.symbol_info("X" * 30),
        lambda m: m.symbol_info("😀" * 15),
        lambda m: m.symbol_info_tick(7),
        lambda m: m.market_book_add(None),
        lambda m: m.market_book_get("X" * 30),
        lambda m: m.copy_rates_from_pos(b"EURUSD", 1, 0, 1),
        lambda m: m.positions_get(symbol=7),
        lambda m: m.order_calc_margin(0, 7, 0.1, 1.0),
        lambda m: m.order_send({"symbol": "X" * 30}),
        lambda m: m.order_check(symbol=None),
    ],
    "group": [
        lambda m: m.symbols_get("*" * 1998),
        lambda m: m.symbols_get(group=7),
        lambda m: m.orders_get(group="*" * 1998),
        lambda m: m.history_deals_get(*EVER, group=7),
    ],
    "ticket": [
        lambda m: m.positions_get(ticket="1"),
        lambda m: m.orders_get(ticket=-1),
        lambda m: m.history_orders_get(ticket=2**64),
    ],
    "position": [lambda m: m.history_deals_get(position=1.0), lambda m: m.order_send(position=-1)],
    "date_from": [
        lambda m: m.copy_ticks_from("EURUSD", "today", 1, -1),
        lambda m: m.copy_rates_range("EURUSD", 1, -1, NOW_S),
        lambda m: m.copy_rates_from("EURUSD", 1, datetime(1, 1, 1), 1),  # noqa: DTZ001
        lambda m: m.history_deals_total(2**32, 2**32),
        lambda m: m.history_deals_get(),
        lambda m: m.history_orders_get(float("nan"), NOW_S),
    ],
    "date_to": [lambda m: m.history_orders_total(0, None), lambda m: m.history_deals_get(0)],
    "count": [
        lambda m: m.copy_rates_from_pos("EURUSD", 1, 0, -1),
        lambda m: m.copy_ticks_from("EURUSD", NOW_S, 1.0, -1),
    ],
    "start_pos": [lambda m: m.copy_rates_from_pos("EURUSD", 1, -1, 1)],
    "timeframe": [
        lambda m: m.copy_rates_from("EURUSD", "M1", NOW_S, 1),
        lambda m: m.copy_rates_range("EURUSD", None, 0, NOW_S),
    ],
    "flags": [
        lambda m: m.copy_ticks_from("EURUSD", NOW_S, 1, "all"),
        lambda m: m.copy_ticks_range("EURUSD", 0, NOW_S, 2**31),
    ],
    "action": [lambda m: m.order_calc_profit("buy", "EURUSD", 0.1, 1.0, 1.1)],
    "volume": [
        lambda m: m.order_calc_margin(0, "EURUSD", "0.1", 1.0),
        lambda m: m.order_calc_margin(0, "EURUSD", 10**400, 1.0),
        lambda m: m.order_send(volume=1),
    ],
    "price_close": [lambda m: m.order_calc_profit(0, "EURUSD", 0.1, 1.0, None)],
    "expiration": [lambda m: m.order_send(expiration=datetime(2026, 1, 1, tzinfo=UTC))],
    "comment": [lambda m: m.order_send(comment="x" * 30)],
}
REFUSED_WITH_FALSE: dict[str, list[Call]] = {
    "symbol": [lambda m: m.symbol_select("X" * 30), lambda m: m.symbol_select(None, True)],
    "path": [lambda m: m.initialize(7), lambda m: m.initialize("p" * 258)],
    "login": [lambda m: m.initialize(login="90001"), lambda m: m.login(-1)],
    "password": [lambda m: m.initialize(login=1, password=7), lambda m: m.login(1, password=7)],
    "server": [lambda m: m.login(1, server="s" * 254), lambda m: m.initialize(server=1)],
    "timeout": [lambda m: m.initialize(timeout="60"), lambda m: m.login(1, timeout=-1)],
}


@pytest.mark.parametrize(
    ("name", "call"), [(name, call) for name, calls in REFUSED.items() for call in calls]
)
def test_a_wrong_argument_is_named_and_answered_with_none(
    mt5: ModuleType, name: str, call: Call
) -> None:
    assert call(mt5) is None
    assert mt5.last_error() == (-2, f'Invalid "{name}" argument')
    assert mt5.symbols_total() > 0
    assert mt5.last_error() == SUCCESS


@pytest.mark.parametrize(
    ("name", "call"), [(name, call) for name, calls in REFUSED_WITH_FALSE.items() for call in calls]
)
def test_a_wrong_argument_is_named_and_answered_with_false(
    mt5: ModuleType, name: str, call: Call
) -> None:
    assert call(mt5) is False
    assert mt5.last_error() == (-2, f'Invalid "{name}" argument')


@pytest.mark.parametrize(
    "call",
    [
        lambda m: m.positions_get("EURUSD"),
        lambda m: m.orders_get(1),
        lambda m: m.order_send([("symbol", "EURUSD")]),
        lambda m: m.order_send(None),
        lambda m: m.order_check(),
    ],
)
def test_what_must_have_a_name_or_be_a_dict_is_not_guessed(mt5: ModuleType, call: Call) -> None:
    assert call(mt5) is None
    assert mt5.last_error() == (-2, "Unnamed arguments not allowed")


@pytest.mark.parametrize(
    ("call", "failed"),
    [
        (lambda m: m.symbol_info("NOSUCH"), None),
        (lambda m: m.symbol_select("NOSUCH", True), False),
        (lambda m: m.copy_ticks_range("NOSUCH", 0, NOW_S, -1), None),
        (lambda m: m.login(1), False),
    ],
)
def test_a_failure_has_its_value_and_a_cause(mt5: ModuleType, call: Call, failed: object) -> None:
    assert call(mt5) is failed
    assert mt5.last_error()[0] < 0


def test_nothing_there_is_an_empty_tuple_and_no_error(mt5: ModuleType) -> None:
    for call in (mt5.positions_get, mt5.orders_get, mt5.history_deals_get, mt5.history_orders_get):
        assert call(ticket=12345) == ()
        assert mt5.last_error() == SUCCESS


def traded(mt5: ModuleType) -> tuple[Any, Any]:
    """A position, and an order that waits."""
    tick = mt5.symbol_info_tick("EURUSD")
    request = {"action": mt5.TRADE_ACTION_DEAL, "symbol": "EURUSD", "volume": 0.2}
    sent = mt5.order_send({**request, "price": tick.ask, "type": mt5.ORDER_TYPE_BUY})
    assert sent.retcode == mt5.TRADE_RETCODE_DONE
    below = {"action": mt5.TRADE_ACTION_PENDING, "type": mt5.ORDER_TYPE_BUY_LIMIT}
    waits = mt5.order_send({**request, **below, "price": round(tick.bid - 0.01, 5)})
    assert waits.retcode == mt5.TRADE_RETCODE_PLACED
    return sent, waits


def results(mt5: ModuleType) -> dict[str, Any]:
    """One of each kind of result, by the name of its kind."""
    sent, _ = traded(mt5)
    return {
        "TradePosition": mt5.positions_get(symbol="EURUSD")[0],
        "TradeOrder": mt5.orders_get(group="EUR*")[0],
        "TradeDeal": mt5.history_deals_get(ticket=sent.order)[0],
        "TradeRequest": sent.request,
        "OrderSendResult": sent,
        "OrderCheckResult": mt5.order_check({"action": 1, "symbol": "EURUSD"}),
        "Tick": mt5.symbol_info_tick("EURUSD"),
        "TerminalInfo": mt5.terminal_info(),
        "AccountInfo": mt5.account_info(),
        "SymbolInfo": mt5.symbol_info("EURUSD"),
    }


def test_results_are_tuples_whose_values_are_of_their_fields_kinds(mt5: ModuleType) -> None:
    for name, result in results(mt5).items():
        parts = (part.split() for part in FIELDS[name].split(";"))
        kinds = {field: KINDS.get(kind, int) for kind, *fields in parts for field in fields}
        assert list(result._asdict()) == list(kinds)
        assert tuple(result._asdict().values()) == tuple(result)
        wrong = {f: v for f, v in result._asdict().items() if not isinstance(v, kinds[f])}
        assert wrong == {}, name
        assert isinstance(result, tuple)


def test_copied_rows_are_numpy_arrays_with_the_package_s_fields(mt5: ModuleType) -> None:
    ticks = mt5.copy_ticks_range("EURUSD", NOW_S - 60, NOW_S, mt5.COPY_TICKS_ALL)
    bars = mt5.copy_rates_range("EURUSD", mt5.TIMEFRAME_M1, NOW_S - 600, NOW_S - 1)
    assert isinstance(ticks, np.ndarray)
    assert (ticks.dtype, bars.dtype) == (TICK_DTYPE, RATE_DTYPE)
    assert len(ticks) > 0
    assert len(bars) == 10


def test_counts_are_those_of_what_is_listed(mt5: ModuleType) -> None:
    traded(mt5)
    assert mt5.symbols_total() == len(mt5.symbols_get()) == len(mt5.symbols_get("*"))
    assert mt5.positions_total() == len(mt5.positions_get()) == 1
    assert mt5.orders_total() == len(mt5.orders_get()) == 1
    assert mt5.history_deals_total(*EVER) == len(mt5.history_deals_get(*EVER)) == 2
    assert mt5.history_orders_total(*EVER) == len(mt5.history_orders_get(*EVER)) == 1
    assert len(mt5.history_deals_get(*EVER, group="*,!EUR*")) == 1  # the deposit has no symbol


def test_the_first_of_ticket_symbol_and_group_filters(mt5: ModuleType) -> None:
    sent, waits = traded(mt5)
    assert len(mt5.positions_get(ticket=sent.order, symbol="XAUUSD", group="XAU*")) == 1
    assert mt5.positions_get(symbol="XAUUSD", group="EUR*") == ()
    assert mt5.orders_get(ticket=waits.order)[0].state == mt5.ORDER_STATE_PLACED
    assert len(mt5.history_deals_get(ticket=sent.order, position=1)) == 1


def test_the_module_has_the_package_s_names_and_no_others(mt5: ModuleType) -> None:
    constants = {
        f"{prefix}_{word.split('=')[0]}"
        for prefix, words in CONSTANTS.items()
        for word in words.split()
    }
    public = {name for name in vars(mt5) if not name.startswith("_")}
    assert public == {*FUNCTIONS, *CONVENIENT, *constants}
    assert len(FUNCTIONS) == 32
