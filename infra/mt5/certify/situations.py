"""The simulated broker as a stage: how it is told to bring a situation about.

All that rules know of the simulator's settings, clock and faults is in this file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from typing import Any

from infra.mt5 import constants as mt5
from infra.mt5.certify.rule import PLAIN, NotProvokable, Rule
from infra.mt5.certify.rules.codes import OF_A_PLUGIN
from infra.mt5.certify.scene import Scene
from infra.mt5.certify.stage import Refused
from infra.mt5.simulator.broker import Broker
from infra.mt5.simulator.clock import VirtualClock
from infra.mt5.simulator.faults import FaultRule
from infra.mt5.simulator.settings import (
    PASSWORD,
    SERVER,
    AccountSettings,
    BrokerSettings,
    Dealer,
    MarketSettings,
    Plugin,
)
from infra.mt5.simulator.symbols import Depth
from infra.mt5.simulator.terminal import simulated_terminal
from infra.mt5.simulator.ticks import Market
from infra.mt5.terminal import Terminal

START_MS = 1_763_640_000_000  # Thursday 2025-11-20 12:00 UTC
SATURDAY_MS = 48 * 3_600_000
MINUTE_MS = 60_000
LOGIN, OTHER = 90001, 90002
SYMBOL, LOTS = "EURUSD", 0.1
Behind = Callable[[Terminal, int], AbstractContextManager[Terminal]]
"""What puts something between a terminal of an account and its users."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a broker is told; `symbol` is changed of every symbol, `wait_ms` goes by first."""

    terms: Mapping[str, Any] = field(default_factory=dict)
    symbol: Mapping[str, Any] = field(default_factory=dict)
    market: Mapping[str, Any] = field(default_factory=dict)
    outages_ms: tuple[tuple[int, int], ...] = ()
    wait_ms: int = 0

    def settings(self) -> BrokerSettings:
        """As settings."""
        market = MarketSettings(**self.market)
        symbols = tuple(replace(symbol, **self.symbol) for symbol in market.symbols)
        return BrokerSettings(
            logins=(LOGIN, OTHER),
            market=replace(market, symbols=symbols),
            terms=AccountSettings(**self.terms),
            outages_ms=self.outages_ms,
        )


def _mode(trade_mode: int) -> Told:
    return Told(symbol={"trade_mode": trade_mode})


_BY_MARKET = {"execution": mt5.SYMBOL_TRADE_EXECUTION_MARKET}
_BY_REQUEST = {"execution": mt5.SYMBOL_TRADE_EXECUTION_REQUEST}
_BY_EXCHANGE = {"execution": mt5.SYMBOL_TRADE_EXECUTION_EXCHANGE}
_SLOW = {**_BY_MARKET, "execution_ms": 250}
_BOOK = {"depth": Depth(levels=4, lots_per_level=2.0)}
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
    "retcode 10007": Told({"dealer": Dealer(cancels=1.0)}, _BY_REQUEST),
    "retcode 10010": Told(symbol={**_BY_MARKET, **_BOOK}),
    "retcode 10011": Told({"dealer": Dealer(fails=1.0)}, _BY_REQUEST),
    "retcode 10012": Told(symbol={"execution_ms": 20_000}),
    "retcode 10017": Told({"trade_allowed": False}),
    "retcode 10018": Told(market={"week": "fx"}, wait_ms=SATURDAY_MS),
    "retcode 10020": Told(symbol=_BY_REQUEST),
    "retcode 10021": Told(
        symbol={**_BY_MARKET, "quote_age_ms_max": 2_000},
        market={"ticks_per_s": 0.02},
        wait_ms=3_600,
    ),
    "retcode 10022": Told(symbol={"expiration_mask": 1}),
    "retcode 10023": Told({"settling_ms": 4_999}),
    "retcode 10024": Told({"requests_per_s_max": 5}),
    "retcode 10026": Told({"experts_allowed": False}),
    "retcode 10027": Told({"terminal_trade_allowed": False}),
    "retcode 10028": Told(symbol=_SLOW),
    "retcode 10029": Told(symbol={"freeze_level_points": 300}),
    "retcode 10030": Told(symbol={"filling_mask": 1}),
    "retcode 10031": Told(outages_ms=((START_MS, START_MS + MINUTE_MS),)),
    "retcode 10032": Told(symbol={"real_only": True}),
    "retcode 10033": Told({"orders_max": 1}),
    "retcode 10034": Told(symbol={"volume_limit": 0.15}),
    "retcode 10039": Told(symbol=_SLOW),
    "retcode 10040": Told({"positions_max": 1}),
    "retcode 10042": _mode(mt5.SYMBOL_TRADE_MODE_LONGONLY),
    "retcode 10043": _mode(mt5.SYMBOL_TRADE_MODE_SHORTONLY),
    "retcode 10044": _mode(mt5.SYMBOL_TRADE_MODE_CLOSEONLY),
    "retcode 10045": Told({"fifo_close": True}),
    "retcode 10046": Told({"hedging_allowed": False}),
    "retcode of a plug-in": Told({"plugin": Plugin(volume_max=2.0, retcode=OF_A_PLUGIN)}),
    **{f"retcode {code}": Told() for code in (10004, 10008, 10019, 10041)},
}
_FAULTS: Mapping[str, FaultRule] = {
    "lose the answer to a send": FaultRule(kind="lose_after"),
    "lose a send": FaultRule(kind="lose_before"),
    "fail to read positions": FaultRule(kind="fail", function="positions_get"),
    "fail to read deals": FaultRule(kind="fail", function="history_deals"),
    "fail to read orders": FaultRule(kind="fail", function="orders_get"),
}


def _spoilt(broker: Broker, how: str) -> None:
    """What rules call a fault, brought about."""
    if how != "be slow":  # the situation's symbols are
        broker.inject(LOGIN, (_FAULTS[how],))


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
        settings, clock = told.settings(), VirtualClock(START_MS)
        broker = Broker(settings, clock, market=_market(settings.market))
        clock.advance(told.wait_ms)
        with self._behind(simulated_terminal(broker, LOGIN), LOGIN) as terminal:
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
