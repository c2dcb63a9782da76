"""Every terminal answers alike: links, arguments, symbols, ticks and bars."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from infra.mt5 import constants as mt5
from infra.mt5.simulator.settings import PASSWORD, SERVER, MarketSettings
from infra.mt5.terminal import Terminal
from infra.mt5.tuples import RATE_DTYPE, TICK_DTYPE
from tests.infra.mt5.worlds import (
    EVER,
    HOUR_MS,
    LOGIN,
    MINUTE_MS,
    OTHER,
    START_MS,
    WORLDS,
    World,
    deal,
    opened,
    quote,
    settings,
)

SUCCESS = (mt5.RES_S_OK, "Success")
START_S = START_MS // 1000


@pytest.fixture(params=WORLDS)
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    with WORLDS[request.param](settings()) as made:
        yield made


@pytest.fixture
def terminal(world: World) -> Terminal:
    return world.ready()


def test_without_a_link_every_call_fails_with_its_failure_value(world: World) -> None:
    terminal = world.terminal(LOGIN)
    answers = [
        terminal.version(),
        terminal.terminal_info(),
        terminal.account_info(),
        terminal.symbols_total(),
        terminal.symbols_get(),
        terminal.symbol_info("EURUSD"),
        terminal.symbol_info_tick("EURUSD"),
        terminal.copy_ticks_from("EURUSD", START_S, 1, mt5.COPY_TICKS_ALL),
        terminal.copy_rates_from_pos("EURUSD", mt5.TIMEFRAME_M1, 0, 1),
        terminal.order_calc_profit(0, "EURUSD", 0.1, 1.0, 1.1),
        terminal.order_check({}),
        terminal.order_send({}),
        terminal.positions_get(),
        terminal.orders_total(),
        terminal.history_deals_get(*EVER),
    ]
    assert answers == [None] * len(answers)
    assert terminal.last_error()[0] == mt5.RES_E_INTERNAL_FAIL_CONNECT
    assert terminal.symbol_select("EURUSD") is False
    assert terminal.login(LOGIN, PASSWORD, SERVER) is False
    assert terminal.shutdown() is True
    assert terminal.last_error() == SUCCESS


def test_initialize_logs_in_to_the_account_that_the_terminal_remembers(terminal: Terminal) -> None:
    account = terminal.account_info()
    assert account is not None
    assert (account.login, account.server, account.balance) == (LOGIN, SERVER, 100_000.0)
    assert account.margin_mode == mt5.ACCOUNT_MARGIN_MODE_RETAIL_HEDGING
    assert account.trade_mode == mt5.ACCOUNT_TRADE_MODE_DEMO
    info = terminal.terminal_info()
    assert info is not None
    assert (info.connected, info.trade_allowed, str(LOGIN) in info.path) == (True, True, True)
    assert terminal.version() is not None


def test_login_changes_the_account_unless_somebody_keeps_it(world: World) -> None:
    terminal = world.ready()
    changed = terminal.login(OTHER, password=PASSWORD, server=SERVER)
    account = terminal.account_info()
    assert account is not None
    assert changed is not world.keeps_account
    assert account.login == (LOGIN if world.keeps_account else OTHER)


@pytest.mark.parametrize(
    "wrong", [{"password": "guess"}, {"server": "Elsewhere"}, {"login": 1, "password": PASSWORD}]
)
def test_wrong_credentials_leave_no_link(world: World, wrong: dict[str, Any]) -> None:
    terminal = world.terminal(LOGIN)
    assert terminal.initialize(**{"login": LOGIN, **wrong}) is False
    assert terminal.last_error()[0] == mt5.RES_E_AUTH_FAILED
    assert terminal.account_info() is None
    assert terminal.last_error()[0] == mt5.RES_E_INTERNAL_FAIL_CONNECT


def test_two_terminals_see_one_account(world: World) -> None:
    one, two = world.ready(), world.ready()
    position = opened(one)
    assert two.positions_get() == (position,)
    assert world.ready(OTHER).positions_get() == ()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("volume", 1),
        ("price", Decimal("1.1")),
        ("comment", "x" * 30),
        ("symbol", 7),
        ("expiration", datetime(2026, 1, 1, tzinfo=UTC)),
        ("magic", -1),
        ("type", 2**32),
        ("action", "1"),
    ],
)
def test_a_request_of_wrong_types_is_not_sent(terminal: Terminal, field: str, value: Any) -> None:
    assert terminal.order_send({**deal(terminal), field: value}) is None
    assert terminal.last_error() == (mt5.RES_E_INVALID_PARAMS, f'Invalid "{field}" argument')
    assert terminal.positions_get() == ()
    assert terminal.last_error() == SUCCESS


def test_a_request_may_be_keywords_and_unknown_keys_are_ignored(terminal: Terminal) -> None:
    fields = {**deal(terminal), "volume": np.float64(0.2), "colour": "blue"}
    result = terminal.order_send(**fields)
    assert result is not None
    assert result.retcode == mt5.TRADE_RETCODE_DONE
    assert result.request.volume == 0.2
    assert terminal.order_send([1]) is None  # type: ignore[arg-type]  # what the test is about
    assert terminal.last_error()[0] == mt5.RES_E_INVALID_PARAMS


def test_symbols_are_listed_and_filtered(terminal: Terminal) -> None:
    assert terminal.symbols_total() == 6
    groups = {
        "*": 6,
        "*USD": 4,
        "*USD*,!XAU*": 5,
        "!*JPY,*USD*": 6,
        "EURUSD": 1,
        "EURUSD,XAUUSD": 2,
        "?URUSD": 0,
        "": 0,
    }
    found = {group: len(terminal.symbols_get(group) or ()) for group in groups}
    assert found == groups


def test_a_symbol_says_how_it_trades(terminal: Terminal) -> None:
    info = terminal.symbol_info("USDJPY")
    assert info is not None
    assert (info.digits, info.point, info.trade_contract_size) == (3, 0.001, 100_000.0)
    assert (info.currency_base, info.currency_profit) == ("USD", "JPY")
    assert info.bidlow <= info.bid <= info.bidhigh
    assert info.spread == round((info.ask - info.bid) / info.point)
    assert info.trade_tick_value == pytest.approx(100 / info.bid)
    assert terminal.symbol_info("NOSUCH") is None
    assert terminal.last_error()[0] == mt5.RES_E_NOT_FOUND


def test_a_symbol_in_use_stays_in_the_market_watch(terminal: Terminal) -> None:
    assert terminal.symbol_select("GBPUSD", False)
    info = terminal.symbol_info("GBPUSD")
    assert info is not None
    assert (info.visible, terminal.symbol_select("GBPUSD")) == (False, True)
    opened(terminal)
    assert terminal.symbol_select("EURUSD", False) is False
    assert terminal.symbol_select("NOSUCH") is False


def test_ticks_are_packed_rows_in_the_order_of_their_times(terminal: Terminal) -> None:
    ticks = terminal.copy_ticks_range("EURUSD", START_S - 600, START_S, mt5.COPY_TICKS_ALL)
    assert ticks is not None
    assert ticks.dtype == TICK_DTYPE
    assert ticks.dtype.itemsize == 60
    assert len(ticks) > 300
    assert (np.diff(ticks["time_msc"]) >= 0).all()
    assert (ticks["time"] == ticks["time_msc"] // 1000).all()
    assert (ticks["ask"] > ticks["bid"]).all()
    assert set(ticks["flags"]) <= {2, 4, 6}


def test_the_last_tick_is_the_last_of_the_copied(world: World, terminal: Terminal) -> None:
    for _ in range(5):
        world.clock.advance(1_234)
        ticks = terminal.copy_ticks_range("XAUUSD", START_S - 60, START_S + 60, mt5.COPY_TICKS_INFO)
        assert ticks is not None
        last = quote(terminal, "XAUUSD")
        assert tuple(ticks[-1]) == tuple(last)
        assert last.time_msc <= world.clock.now_ms()


def test_ticks_can_be_paged_by_overlapping_a_second(terminal: Terminal) -> None:
    whole = terminal.copy_ticks_range("EURUSD", START_S - 900, START_S, mt5.COPY_TICKS_ALL)
    assert whole is not None
    paged: list[tuple[Any, ...]] = []
    since = START_S - 900
    while True:
        page = terminal.copy_ticks_from("EURUSD", since, 100, mt5.COPY_TICKS_ALL)
        assert page is not None
        fresh = [row.item() for row in page if not paged or row["time_msc"] > paged[-1][5]]
        if not fresh:
            break
        paged += fresh
        since = paged[-1][0]
    assert len({row[5] for row in paged}) == len(np.unique(whole["time_msc"]))


def test_a_datetime_is_taken_by_its_timestamp(terminal: Terminal) -> None:
    when = datetime.fromtimestamp(START_S - 60, UTC)
    by_date = terminal.copy_ticks_from("EURUSD", when, 50, mt5.COPY_TICKS_ALL)
    by_number = terminal.copy_ticks_from("EURUSD", START_S - 60, 50, mt5.COPY_TICKS_ALL)
    assert by_date is not None
    assert by_number is not None
    assert by_date.tobytes() == by_number.tobytes()


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("date_from", ("EURUSD", "today", 1, -1)),
        ("date_from", ("EURUSD", -5, 1, -1)),
        ("count", ("EURUSD", 1, -1, -1)),
        ("symbol", (None, 1, 1, -1)),
    ],
)
def test_wrong_arguments_fail_with_their_name(
    terminal: Terminal, name: str, arguments: tuple[Any, ...]
) -> None:
    assert terminal.copy_ticks_from(*arguments) is None
    assert terminal.last_error() == (mt5.RES_E_INVALID_PARAMS, f'Invalid "{name}" argument')


def test_bars_are_what_the_ticks_make(terminal: Terminal) -> None:
    bars = terminal.copy_rates_range("EURUSD", mt5.TIMEFRAME_M5, START_S - 3600, START_S - 1)
    ticks = terminal.copy_ticks_range("EURUSD", START_S - 3600, START_S, mt5.COPY_TICKS_ALL)
    assert bars is not None
    assert ticks is not None
    assert bars.dtype == RATE_DTYPE
    assert len(bars) == 12
    for bar in bars:
        inside = ticks[ticks["time"] // 300 * 300 == bar["time"]]
        bids = inside["bid"]
        assert (bar["open"], bar["close"]) == (bids[0], bids[-1])
        assert (bar["high"], bar["low"]) == (bids.max(), bids.min())
        assert bar["tick_volume"] == len(inside)


def test_bars_by_position_end_with_the_open_one(world: World, terminal: Terminal) -> None:
    world.clock.advance(HOUR_MS + 90_000)
    for timeframe in (mt5.TIMEFRAME_M1, mt5.TIMEFRAME_M15, mt5.TIMEFRAME_H1, mt5.TIMEFRAME_D1):
        newest = terminal.copy_rates_from_pos("USDCHF", timeframe, 0, 5)
        older = terminal.copy_rates_from_pos("USDCHF", timeframe, 2, 3)
        assert newest is not None
        assert older is not None
        assert newest[-1]["close"] == quote(terminal, "USDCHF").bid
        assert newest[:3].tobytes() == older.tobytes()
    until = terminal.copy_rates_from("USDCHF", mt5.TIMEFRAME_M1, START_S, 4)
    assert until is not None
    assert until["time"].tolist() == [START_S - 180, START_S - 120, START_S - 60, START_S]


def test_nothing_later_than_now_is_shown(world: World, terminal: Terminal) -> None:
    later = terminal.copy_ticks_range("EURUSD", START_S, START_S + 600, mt5.COPY_TICKS_ALL)
    assert later is not None
    assert all(row["time_msc"] <= START_MS for row in later)
    world.clock.advance(MINUTE_MS)
    more = terminal.copy_ticks_range("EURUSD", START_S, START_S + 600, mt5.COPY_TICKS_ALL)
    assert more is not None
    assert len(more) > len(later)
    assert more["time_msc"].max() <= START_MS + MINUTE_MS


@pytest.mark.parametrize("where", WORLDS)
def test_times_are_the_servers_clock(where: str) -> None:
    with WORLDS[where](settings(MarketSettings(server_offset_s=7200))) as world:
        terminal = world.ready()
        assert 0 <= START_S + 7200 - quote(terminal).time < 60
        assert opened(terminal).time_msc == START_MS + 2 * HOUR_MS
