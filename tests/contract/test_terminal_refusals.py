"""Every terminal refuses alike: each return code by its cause, and nothing happens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from infra.mt5 import constants as mt5
from infra.mt5.simulator.faults import FaultRule
from infra.mt5.simulator.settings import AccountSettings, MarketSettings
from infra.mt5.terminal import Terminal
from infra.mt5.tuples import Tick
from tests.infra.mt5.worlds import (
    EVER,
    HOUR_MS,
    LOGIN,
    WORLDS,
    closing,
    deal,
    opened,
    pending,
    quote,
    send,
    settings,
)

Fields = Callable[[Tick], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Refused:
    """A cause: what is wrong with the request, or with the symbol, the account, the hour."""

    code: int
    fields: Fields = lambda _: {}
    symbol: dict[str, Any] = field(default_factory=dict)
    terms: AccountSettings = field(default_factory=AccountSettings)
    market: MarketSettings = field(default_factory=MarketSettings)
    later_ms: int = 0


def symbol(**changes: Any) -> dict[str, Any]:
    return changes


DEALS = {
    "unknown action": Refused(mt5.TRADE_RETCODE_INVALID, lambda _: {"action": 77}),
    "unknown symbol": Refused(mt5.TRADE_RETCODE_INVALID, lambda _: {"symbol": "NOSUCH"}),
    "pending kind": Refused(mt5.TRADE_RETCODE_INVALID, lambda _: {"type": 2}),
    "no volume": Refused(mt5.TRADE_RETCODE_INVALID_VOLUME, lambda _: {"volume": 0.0}),
    "off step": Refused(mt5.TRADE_RETCODE_INVALID_VOLUME, lambda _: {"volume": 0.015}),
    "above maximum": Refused(mt5.TRADE_RETCODE_INVALID_VOLUME, lambda _: {"volume": 100.01}),
    "not a number": Refused(mt5.TRADE_RETCODE_INVALID_VOLUME, lambda _: {"volume": float("nan")}),
    "no price": Refused(mt5.TRADE_RETCODE_INVALID_PRICE, lambda _: {"price": 0.0}),
    "price gone": Refused(mt5.TRADE_RETCODE_REQUOTE, lambda t: {"price": t.ask - 0.00011}),
    "stop above": Refused(mt5.TRADE_RETCODE_INVALID_STOPS, lambda t: {"sl": t.ask + 0.001}),
    "stop too near": Refused(
        mt5.TRADE_RETCODE_INVALID_STOPS, lambda t: {"sl": round(t.bid - 0.00009, 5)}
    ),
    "target too near": Refused(
        mt5.TRADE_RETCODE_INVALID_STOPS, lambda t: {"tp": round(t.bid + 0.00009, 5)}
    ),
    "stop off grid": Refused(mt5.TRADE_RETCODE_INVALID_STOPS, lambda _: {"sl": 1.0000001}),
    "filling unknown": Refused(mt5.TRADE_RETCODE_INVALID_FILL, lambda _: {"type_filling": 2}),
    "filling not offered": Refused(
        mt5.TRADE_RETCODE_INVALID_FILL, lambda _: {"type_filling": 1}, symbol(filling_mask=1)
    ),
    "no money": Refused(mt5.TRADE_RETCODE_NO_MONEY, lambda _: {"volume": 98.0}),
    "never opened": Refused(mt5.TRADE_RETCODE_INVALID, lambda _: {"position": 5}),
    "symbol closed": Refused(
        mt5.TRADE_RETCODE_TRADE_DISABLED, symbol=symbol(trade_mode=mt5.SYMBOL_TRADE_MODE_DISABLED)
    ),
    "close only": Refused(
        mt5.TRADE_RETCODE_CLOSE_ONLY, symbol=symbol(trade_mode=mt5.SYMBOL_TRADE_MODE_CLOSEONLY)
    ),
    "short only": Refused(
        mt5.TRADE_RETCODE_SHORT_ONLY, symbol=symbol(trade_mode=mt5.SYMBOL_TRADE_MODE_SHORTONLY)
    ),
    "volume limit": Refused(mt5.TRADE_RETCODE_LIMIT_VOLUME, symbol=symbol(volume_limit=0.05)),
    "positions limit": Refused(
        mt5.TRADE_RETCODE_LIMIT_POSITIONS, terms=AccountSettings(positions_max=0)
    ),
    "terminal": Refused(
        mt5.TRADE_RETCODE_CLIENT_DISABLES_AT, terms=AccountSettings(terminal_trade_allowed=False)
    ),
    "server": Refused(
        mt5.TRADE_RETCODE_SERVER_DISABLES_AT, terms=AccountSettings(experts_allowed=False)
    ),
    "account": Refused(
        mt5.TRADE_RETCODE_TRADE_DISABLED, terms=AccountSettings(trade_allowed=False)
    ),
    "weekend": Refused(
        mt5.TRADE_RETCODE_MARKET_CLOSED, market=MarketSettings(week="fx"), later_ms=48 * HOUR_MS
    ),
}

BUY_LIMIT, BUY_STOP = mt5.ORDER_TYPE_BUY_LIMIT, mt5.ORDER_TYPE_BUY_STOP
PENDING = {
    "limit above": Refused(mt5.TRADE_RETCODE_INVALID_PRICE, lambda t: {"price": t.ask + 0.001}),
    "limit too near": Refused(
        mt5.TRADE_RETCODE_INVALID_PRICE, lambda t: {"price": round(t.ask - 0.00009, 5)}
    ),
    "off grid": Refused(mt5.TRADE_RETCODE_INVALID_PRICE, lambda _: {"price": 1.0000001}),
    "kind": Refused(mt5.TRADE_RETCODE_INVALID, lambda _: {"type": 8}),
    "past": Refused(
        mt5.TRADE_RETCODE_INVALID_EXPIRATION, lambda t: {"type_time": 2, "expiration": t.time - 9}
    ),
    "lifetime": Refused(mt5.TRADE_RETCODE_INVALID_EXPIRATION, lambda _: {"type_time": 9}),
    "orders limit": Refused(mt5.TRADE_RETCODE_LIMIT_ORDERS, terms=AccountSettings(orders_max=0)),
    "volume limit": Refused(mt5.TRADE_RETCODE_LIMIT_VOLUME, symbol=symbol(volume_limit=0.05)),
}


@pytest.mark.parametrize("where", WORLDS)
@pytest.mark.parametrize("cause", DEALS)
def test_a_market_order_is_refused_with_the_code_of_its_cause(where: str, cause: str) -> None:
    case = DEALS[cause]
    refused(where, case, lambda terminal: deal(terminal))


@pytest.mark.parametrize("where", WORLDS)
@pytest.mark.parametrize("cause", PENDING)
def test_a_pending_order_is_refused_with_the_code_of_its_cause(where: str, cause: str) -> None:
    case = PENDING[cause]
    refused(where, case, lambda terminal: pending(BUY_LIMIT, quote(terminal).ask - 0.01))


def refused(where: str, case: Refused, sound: Callable[[Terminal], dict[str, Any]]) -> None:
    """The request is sound but for its cause; `order_check` agrees; no trace is left."""
    with WORLDS[where](settings(case.market, case.terms, **case.symbol)) as world:
        world.clock.advance(case.later_ms)
        terminal = world.ready()
        request = {**sound(terminal), **case.fields(quote(terminal))}
        check = terminal.order_check(request)
        assert check is not None
        result = send(terminal, request)
        assert (result.retcode, check.retcode) == (case.code, case.code)
        assert (result.order, result.deal) == (0, 0)
        assert result.comment != ""
        assert (terminal.positions_get(), terminal.orders_get()) == ((), ())
        assert terminal.history_deals_total(*EVER) == 1


@pytest.mark.parametrize("where", WORLDS)
def test_inside_the_freeze_level_nothing_is_changed(where: str) -> None:
    with WORLDS[where](settings(freeze_level_points=300)) as world:
        terminal = world.ready()
        tick = quote(terminal)
        position = opened(terminal, sl=round(tick.bid - 0.001, 5))
        placed = send(terminal, pending(BUY_LIMIT, tick.ask - 0.001))
        stops = {
            "action": mt5.TRADE_ACTION_SLTP,
            "symbol": "EURUSD",
            "position": position.ticket,
            "sl": round(tick.bid - 0.01, 5),
        }
        remove = {"action": mt5.TRADE_ACTION_REMOVE, "order": placed.order}
        assert send(terminal, stops).retcode == mt5.TRADE_RETCODE_FROZEN
        assert send(terminal, remove).retcode == mt5.TRADE_RETCODE_FROZEN
        assert send(terminal, closing(terminal, position)).retcode == mt5.TRADE_RETCODE_DONE


@pytest.mark.parametrize("where", WORLDS)
def test_what_is_checked_is_what_happens(where: str) -> None:
    with WORLDS[where](settings()) as world:
        terminal = world.ready()
        request = deal(terminal, volume=2.0)
        check = terminal.order_check(request)
        assert check is not None
        assert (check.retcode, check.comment) == (0, "Done")
        assert terminal.positions_get() == ()
        send(terminal, request)
        account = terminal.account_info()
        assert account is not None
        assert check.margin == account.margin
        needed = terminal.order_calc_margin(0, "EURUSD", 2.0, request["price"])
        assert needed == account.margin
        gain = terminal.order_calc_profit(1, "USDJPY", 1.0, 150.0, 149.0)
        assert gain == pytest.approx(100_000 / 149.0, abs=0.006)
        assert terminal.order_calc_profit(5, "USDJPY", 1.0, 150.0, 149.0) is None


@pytest.mark.parametrize("where", WORLDS)
def test_scripted_faults_spoil_answers_and_nothing_else(where: str) -> None:
    with WORLDS[where](settings()) as world:
        terminal = world.ready()
        rules = (
            FaultRule(kind="reject", retcode=10012, magic=1),
            FaultRule(kind="lose_before", magic=2),
            FaultRule(kind="lose_after", magic=3),
            FaultRule(kind="fail", error=-8, magic=5),
            FaultRule(kind="fail", error=-4, function="history_deals"),
            FaultRule(kind="delay", delay_ms=700, magic=4, skip=1, times=2),
        )
        world.broker.inject(LOGIN, rules)
        assert send(terminal, deal(terminal, magic=1)).retcode == 10012
        assert terminal.order_send(deal(terminal, magic=5)) is None
        assert terminal.last_error()[0] == mt5.RES_E_AUTO_TRADING_DISABLED
        assert terminal.history_deals_get(*EVER) is None
        assert terminal.last_error()[0] == mt5.RES_E_NOT_FOUND
        assert terminal.history_deals_total(*EVER) == 1
        for magic, held in ((2, 0), (3, 1)):
            assert terminal.order_send(deal(terminal, magic=magic)) is None
            assert terminal.last_error()[0] == mt5.RES_E_INTERNAL_FAIL_RECEIVE
            assert terminal.positions_get() is None
            assert terminal.last_error()[0] == mt5.RES_E_INTERNAL_FAIL_CONNECT
            assert terminal.initialize()
            assert [p.magic for p in terminal.positions_get() or ()] == [3][:held]
        for waits_ms in (0, 700, 700, 0):
            before_ms = world.clock.now_ms()
            send(terminal, deal(terminal, magic=4, deviation=500))
            assert world.clock.now_ms() - before_ms == waits_ms
