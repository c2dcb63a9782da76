"""What a program logs in with, and by which clock it lives."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from infra.config import Config
from infra.mt5.shim import CALL_MS, Options, environment, simulated, told
from infra.mt5.shim.options import LOGIN, MARGIN_MODES, Kind
from infra.mt5.simulator.clock import VirtualClock
from tests.infra.mt5.worlds import START_MS

NOON = datetime(2025, 11, 20, 12, tzinfo=UTC)
ANY = Options(logins=(111, 222), server="Broker-Demo")
ONE = Options(logins=(111, 222), password="right")


@pytest.mark.parametrize(
    ("options", "given", "login"),
    [
        (ANY, {}, 111),
        (ANY, {"login": 222, "password": "whatever", "server": "Broker-Demo"}, 222),
        (ANY, {"login": 222}, 222),
        (ANY, {"login": 111, "server": "Tapedeck-Paper"}, None),
        (ANY, {"login": 333, "password": "whatever"}, None),
        (ONE, {}, 111),
        (ONE, {"login": 222, "password": "right"}, 222),
        (ONE, {"login": 222}, None),
        (ONE, {"login": 111, "password": "wrong"}, None),
        (ONE, {"login": 111, "password": "paper"}, None),
        (ONE, {"login": 111, "password": "refused"}, None),
    ],
)
def test_a_program_s_own_credentials_do_where_the_options_say_so(
    options: Options, given: dict[str, Any], login: int | None
) -> None:
    with simulated(options, VirtualClock(START_MS)) as mt5:
        assert mt5.initialize(**given) is (login is not None)
        if login is None:
            assert mt5.last_error()[0] == mt5.RES_E_AUTH_FAILED
            return
        account = mt5.account_info()
        assert (account.login, account.server) == (login, options.server)


def test_whoever_runs_the_program_is_told_what_would_do(caplog: pytest.LogCaptureFixture) -> None:
    with simulated(ANY, VirtualClock(START_MS)) as mt5:
        assert not mt5.initialize(login=7, password="secret", server="Elsewhere")
    told_once = caplog.messages[0]
    assert "refuses login 7 at 'Elsewhere': it is 'Broker-Demo' and knows 111, 222" in told_once
    assert "secret" not in caplog.text


def test_virtual_time_passes_with_each_call_and_on_no_other_account() -> None:
    with simulated(Options(starts_at=NOON, server_offset_h=2)) as mt5:
        assert mt5.initialize()
        mt5.order_send({"action": 1, "symbol": "EURUSD", "volume": 0.1, "price": 9.9, "type": 0})
        tick = mt5.symbol_info_tick("EURUSD")
        request = {"action": 1, "symbol": "EURUSD", "volume": 0.1, "type": 0, "deviation": 50}
        assert mt5.order_send({**request, "price": tick.ask}).retcode == mt5.TRADE_RETCODE_DONE
        (position,) = mt5.positions_get()
    calls = 4  # the login, two orders, a tick
    server_noon = NOON + timedelta(hours=2)
    assert position.time_msc == round(server_noon.timestamp() * 1_000) + calls * CALL_MS


def test_options_reach_a_child_as_they_are() -> None:
    options = Options(seed=3, symbols=("XAUUSD",), starts_at=NOON, books="here", password="p")
    assert told(environment(options, {})) == options
    assert told({}) == Options(logins=(LOGIN,))


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"logins": ()}, "give at least one"),
        ({"logins": (0,)}, "each 1 to"),
        ({"symbols": ("EURDKK",)}, "EURDKK is not quoted"),
        ({"depth_lots": -1.0}, "depth_lots is -1"),
        ({"server_offset_h": float("inf")}, "server_offset_h is inf; give -24 to 24"),
        ({"server_offset_h": float("nan")}, "server_offset_h is nan; give"),
        ({"depth_lots": float("inf")}, "depth_lots is inf; give 0 to"),
        ({"desk_ms": -1}, "desk_ms is -1; give 0 to"),
        ({"logins": (10**26,)}, "each 1 to"),
        ({"starts_at": datetime(1, 1, 1, tzinfo=UTC)}, "time begins in 1; give a year from 2001"),
        ({"starts_at": datetime(9999, 12, 31, tzinfo=UTC)}, "time begins in 9999"),
        ({"server_offset_h": 1e300}, "server_offset_h is 1e"),
        ({"starts_at": datetime(2025, 1, 1)}, "in no zone"),  # noqa: DTZ001
    ],
)
def test_options_that_make_no_broker_are_refused(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Options(**wrong).settings()


def test_a_shallow_book_is_shown_and_fills_in_part() -> None:
    with simulated(Options(depth_lots=1.0), VirtualClock(START_MS)) as mt5:
        assert mt5.initialize()
        assert mt5.market_book_add("EURUSD")
        book = mt5.market_book_get("EURUSD")
        tick = mt5.symbol_info_tick("EURUSD")
        assert mt5.symbol_info("EURUSD").ticks_bookdepth == 10
        assert [each.type for each in book] == [mt5.BOOK_TYPE_SELL] * 10 + [mt5.BOOK_TYPE_BUY] * 10
        assert (book[9].price, book[10].price) == (tick.ask, tick.bid)
        assert all(0.5 <= each.volume_dbl <= 1.5 for each in book)
        request = {"action": 1, "symbol": "EURUSD", "volume": 50.0, "type": 0, "price": tick.ask}
        result = mt5.order_send({**request, "type_filling": mt5.ORDER_FILLING_IOC})
        assert result.retcode == mt5.TRADE_RETCODE_DONE_PARTIAL
        assert result.volume == round(sum(each.volume_dbl for each in book[:10]), 2)


@pytest.mark.parametrize(("kind", "positions"), [("hedging", 2), ("netting", 1), ("exchange", 1)])
def test_accounts_are_of_the_kind_asked_for(kind: Kind, positions: int) -> None:
    with simulated(Options(kind=kind), VirtualClock(START_MS)) as mt5:
        assert mt5.initialize()
        assert mt5.account_info().margin_mode == MARGIN_MODES[kind]
        for _ in range(2):
            assert mt5.Buy("EURUSD", 0.1).retcode == mt5.TRADE_RETCODE_DONE
        assert len(mt5.positions_get()) == positions


def test_our_own_commands_run_within_as_well() -> None:
    assert Config.load(environment(Options(), {})) == Config.load({})
