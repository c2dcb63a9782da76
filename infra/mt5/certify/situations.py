"""The simulated broker as a stage: how it is told to bring a situation about.

All that rules know of the simulator's settings, clock and faults is in this file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from typing import Any

import numpy as np

from infra.mt5 import constants as mt5
from infra.mt5.certify.rule import PLAIN, NotProvokable, Rule
from infra.mt5.certify.rules.codes import OF_A_PLUGIN
from infra.mt5.certify.scene import Scene
from infra.mt5.certify.stage import Refused
from infra.mt5.simulator.broker import Broker
from infra.mt5.simulator.clock import VirtualClock
from infra.mt5.simulator.faults import FaultRule
from infra.mt5.simulator.recorded import RecordedMarket
from infra.mt5.simulator.settings import (
    PASSWORD,
    SERVER,
    AccountSettings,
    BrokerSettings,
    MarketSettings,
)
from infra.mt5.simulator.specification import Bridge, Depth
from infra.mt5.simulator.symbols import BY_NAME
from infra.mt5.simulator.terminal import simulated_terminal
from infra.mt5.simulator.ticks import Market, Ticks
from infra.mt5.terminal import Terminal
from infra.mt5.tuples import TradeRequest

NOTHING = TradeRequest(0, 0, 0, "", 0.0, 0.0, 0.0, 0.0, 0.0, 0, 0, 0, 0, 0, "", 0, 0)

START_MS = 1_763_640_000_000  # Thursday 2025-11-20 12:00 UTC
SATURDAY_MS = 48 * 3_600_000
MINUTE_MS = 60_000
LOGIN, OTHER = 90001, 90002
SYMBOL, LOTS = "EURUSD", 0.1
Behind = Callable[[Terminal, int], AbstractContextManager[Terminal]]
"""What puts something between a terminal of an account and its users."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a broker is told; `symbol` is changed of every symbol, `wait_ms` goes by first. `quotes`
    are all that is ever quoted, if there are any."""

    terms: Mapping[str, Any] = field(default_factory=dict)
    symbol: Mapping[str, Any] = field(default_factory=dict)
    market: Mapping[str, Any] = field(default_factory=dict)
    quotes: Mapping[str, Ticks] = field(default_factory=dict)
    wait_ms: int = 0
    faults: Callable[[Broker], tuple[FaultRule, ...]] = lambda _: ()

    def opened(self, clock: VirtualClock) -> Broker:
        """The broker."""
        given = MarketSettings(**self.market)
        symbols = tuple(replace(symbol, **self.symbol) for symbol in given.symbols)
        given = replace(given, symbols=symbols)
        market = RecordedMarket(given, self.quotes) if self.quotes else _market(given)
        terms = AccountSettings(**self.terms)
        settings = BrokerSettings(logins=(LOGIN, OTHER), market=market.settings, terms=terms)
        return Broker(settings, clock, market=market)


def _mode(trade_mode: int) -> Told:
    return Told(symbol={"trade_mode": trade_mode})


_BY_MARKET = {"execution": mt5.SYMBOL_TRADE_EXECUTION_MARKET}
_BY_REQUEST = {"execution": mt5.SYMBOL_TRADE_EXECUTION_REQUEST}
_BY_EXCHANGE = {"execution": mt5.SYMBOL_TRADE_EXECUTION_EXCHANGE}
_BOOK = {"depth": Depth(levels=4, lots=2.0)}
_AT_THE_DESK = {"desk_ms": 1_000, "answer_wait_ms": 1_000}
_IN_POUNDS = (replace(BY_NAME[SYMBOL], profit="GBP"), BY_NAME["GBPUSD"])
_NO_POUND = {
    SYMBOL: Ticks(
        np.array([START_MS]), np.array([0.85]), np.array([0.8501]), np.array([6], dtype=np.uint32)
    )
}
_NETTING = {"margin_mode": mt5.ACCOUNT_MARGIN_MODE_RETAIL_NETTING}

SITUATIONS: Mapping[str, Told] = {
    PLAIN: Told(),
    "credentials": Told(),
    "spoiled": Told(),
    "time": Told(),
    "other symbols": Told(),
    "netting": Told(_NETTING),
    "exchange": Told({"margin_mode": mt5.ACCOUNT_MARGIN_MODE_EXCHANGE}, _BY_EXCHANGE),
    "book": Told(symbol={**_BY_MARKET, **_BOOK}),
    "returning book": Told(symbol={**_BY_EXCHANGE, **_BOOK}),
    "execution by market": Told(symbol=_BY_MARKET),
    "server's clock": Told(market={"server_offset_s": 7_200}),
    "small account": Told({"deposit": 200.0, "commission_per_lot": 0.0, "leverage": 500}),
    "weekend": Told(market={"week": "fx"}, wait_ms=SATURDAY_MS),
    "retcode 10006": Told(symbol={**_BY_MARKET, **_BOOK}),
    "retcode 10007": Told({"desk_ms": 1_000}, faults=lambda broker: _withdrawn(broker)),
    "retcode 10010": Told(symbol={**_BY_MARKET, **_BOOK}),
    "retcode 10011": Told(market={"symbols": _IN_POUNDS}, quotes=_NO_POUND),
    "retcode 10012": Told({"desk_ms": 20_000, "answer_wait_ms": 10_000}),
    "retcode 10017": Told({"trade_allowed": False}),
    "retcode 10018": Told(market={"week": "fx"}, wait_ms=SATURDAY_MS),
    "retcode 10020": Told(symbol=_BY_REQUEST),
    "retcode 10021": Told(
        symbol={**_BY_MARKET, "quote_age_max_s": 2},
        market={"ticks_per_s": 0.02},
        wait_ms=3_600,
    ),
    "retcode 10022": Told(symbol={"expiration_mask": 1}),
    "retcode 10023": Told({"desk_ms": 10_000}),
    "retcode 10024": Told({"requests_per_s_max": 5}),
    "retcode 10026": Told({"experts_allowed": False}),
    "retcode 10027": Told({"terminal_trade_allowed": False}),
    "retcode 10028": Told(_AT_THE_DESK),
    "retcode 10029": Told(symbol={"freeze_level_points": 300}),
    "retcode 10030": Told(symbol={"filling_mask": 1}),
    "retcode 10031": Told(
        faults=lambda _: (FaultRule(kind="disconnect", for_ms=MINUTE_MS, function=""),)
    ),
    "retcode 10032": Told(symbol={"real_only": True}),
    "retcode 10033": Told({"orders_max": 1}),
    "retcode 10034": Told(symbol={"volume_limit": 0.15}),
    "retcode 10039": Told(_AT_THE_DESK),
    "retcode 10040": Told({"positions_max": 1}),
    "retcode 10042": _mode(mt5.SYMBOL_TRADE_MODE_LONGONLY),
    "retcode 10043": _mode(mt5.SYMBOL_TRADE_MODE_SHORTONLY),
    "retcode 10044": _mode(mt5.SYMBOL_TRADE_MODE_CLOSEONLY),
    "retcode 10045": Told({"fifo_close": True}),
    "retcode 10046": Told({"hedging_prohibited": True}),
    "retcode of a plug-in": Told(symbol={"bridge": Bridge(2.0, OF_A_PLUGIN)}),
    **{f"retcode {code}": Told() for code in (10004, 10008, 10019)},
    "retcode 10041": Told({"desk_ms": 10_000}),
}
_FAULTS: Mapping[str, FaultRule] = {
    "lose the answer to a send": FaultRule(kind="lose_after"),
    "lose a send": FaultRule(kind="lose_before"),
    "fail to read positions": FaultRule(kind="fail", function="positions_get"),
    "fail to read deals": FaultRule(kind="fail", function="history_deals"),
    "fail to read orders": FaultRule(kind="fail", function="orders_get"),
}


def _removal(ticket: int) -> TradeRequest:
    return NOTHING._replace(action=mt5.TRADE_ACTION_REMOVE, order=ticket)


def _withdrawn(broker: Broker) -> tuple[FaultRule, ...]:
    """The trader takes the next order back from another place while the desk is at it."""
    ticket = broker.accounts[LOGIN].ledger.next_order
    return (FaultRule(kind="other", delay_ms=500, request=_removal(ticket)),)


def _spoilt(broker: Broker, how: str) -> None:
    """What rules call a fault, brought about."""
    slow = FaultRule(kind="late", delay_ms=MINUTE_MS)
    broker.inject(LOGIN, (slow if how == "be slow" else _FAULTS[how],))


@lru_cache(16)
def _market(given: MarketSettings) -> Market:
    """The market of these settings, computed once for all rules."""
    return Market(given)


class SimulatorStage:
    """A broker of its own for every rule, on a clock that the rule moves."""

    def __init__(self, behind: Behind | None = None, name: str = "simulator") -> None:
        self.name = name
        self._behind = behind or (lambda terminal, _login: nullcontext(terminal))
        self._keeps_account = behind is not None

    def bars(self, _rule: Rule) -> str:
        """Nothing is barred: the money is play money."""
        return ""

    @contextmanager
    def scene(self, rule: Rule) -> Iterator[Scene]:
        """A terminal of a new broker."""
        told = SITUATIONS.get(rule.situation)
        if told is None:
            raise NotProvokable(f"{rule.situation}: the simulator knows no such situation")
        clock = VirtualClock(START_MS)
        broker = told.opened(clock)
        clock.advance(told.wait_ms)
        with self._behind(simulated_terminal(broker, LOGIN), LOGIN) as terminal:
            broker.inject(LOGIN, told.faults(broker))
            if not terminal.initialize():
                raise Refused(f"{self.name} cannot be linked: {terminal.last_error()}")
            yield Scene(
                terminal,
                LOGIN,
                SYMBOL,
                LOTS,
                clock.advance,
                spoil=partial(_spoilt, broker),
                other=self._other(),
            )

    def _other(self) -> Mapping[str, Any]:
        """Another account's credentials, where its owner lets the terminal change accounts."""
        if self._keeps_account:
            return {}
        return {"login": OTHER, "password": PASSWORD, "server": SERVER}
