"""Terminals of a simulated broker on a clock that the test moves."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

from infra.mt5 import constants as mt5
from infra.mt5.agent.client import AgentLink, AgentPulse, AgentTerminal
from infra.mt5.agent.owner import Account, Owner
from infra.mt5.agent.pool import Pool
from infra.mt5.agent.pooled import PoolLink, PoolTerminal
from infra.mt5.agent.server import AgentServer
from infra.mt5.remote import RemoteTerminal
from infra.mt5.simulator.broker import Broker
from infra.mt5.simulator.clock import Clock, VirtualClock
from infra.mt5.simulator.settings import AccountSettings, BrokerSettings, MarketSettings
from infra.mt5.simulator.specification import Specification
from infra.mt5.simulator.symbols import SYMBOLS
from infra.mt5.simulator.terminal import simulated_terminal
from infra.mt5.simulator.ticks import Market
from infra.mt5.terminal import Terminal
from infra.mt5.tuples import OrderSendResult, Tick, TradePosition
from infra.mt5.vendor import VendorTerminal
from infra.mt5.venue import VenueServer
from tests.infra.mt5.agent.issued import agent_keys, platform_keys

START_MS = 1_763_640_000_000  # Thursday 2025-11-20 12:00 UTC
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
LOGIN, OTHER = 90001, 90002
EVER = (0, 2**32 - 1)


@dataclass(frozen=True, slots=True)
class World:
    """A broker, its clock, and a way to get terminals.

    `keeps_account`: whoever owns the terminals lets nobody log them in to another account.
    """

    broker: Broker
    clock: VirtualClock
    terminal: Callable[[int], Terminal]
    keeps_account: bool = False

    def ready(self, login: int = LOGIN) -> Terminal:
        """A terminal that is initialised and logged in."""
        terminal = self.terminal(login)
        assert terminal.initialize(), terminal.last_error()
        return terminal


Where = Callable[[BrokerSettings], AbstractContextManager[World]]


def settings(
    market: MarketSettings | None = None, terms: AccountSettings | None = None, **changes: Any
) -> BrokerSettings:
    """A broker with two accounts; `changes` are made to every symbol."""
    chosen = market or MarketSettings()
    symbols = tuple(replace(symbol, **changes) for symbol in chosen.symbols)
    return BrokerSettings(
        logins=(LOGIN, OTHER),
        market=replace(chosen, symbols=symbols),
        terms=terms or AccountSettings(),
    )


@lru_cache(16)
def market_of(given: MarketSettings) -> Market:
    """The market of these settings, computed once for all tests."""
    return Market(given)


def broker_of(given: BrokerSettings, clock: Clock, folder: Path | None = None) -> Broker:
    """A broker on a market that tests share."""
    return Broker(given, clock, folder, market_of(given.market))


@contextmanager
def in_process(given: BrokerSettings) -> Iterator[World]:
    """The simulator in this process."""
    clock = VirtualClock(START_MS)
    broker = broker_of(given, clock)
    yield World(broker, clock, lambda login: simulated_terminal(broker, login))


@contextmanager
def over_tcp(given: BrokerSettings) -> Iterator[World]:
    """The simulator behind the venue's port."""
    clock = VirtualClock(START_MS)
    broker = broker_of(given, clock)
    server = VenueServer(broker, "127.0.0.1", 0)
    made: list[RemoteTerminal] = []

    def terminal(login: int) -> Terminal:
        made.append(RemoteTerminal(server.address, str(login), deadline_s=60.0))
        return made[-1]

    try:
        yield World(broker, clock, terminal)
    finally:
        for each in made:
            each.shutdown()
        server.close()
    assert server.failure is None


@contextmanager
def as_vendor(given: BrokerSettings) -> Iterator[World]:
    """Our door to the vendor's package, the simulator standing where the package would be."""
    clock = VirtualClock(START_MS)
    broker = broker_of(given, clock)

    def terminal(login: int) -> Terminal:
        with patch.dict(sys.modules, {"MetaTrader5": simulated_terminal(broker, login)}):
            return VendorTerminal()

    yield World(broker, clock, terminal)


@contextmanager
def behind_agents(given: BrokerSettings, where: Where = in_process) -> Iterator[World]:
    """The terminals of another world, each behind an agent, over gRPC with mutual TLS."""
    with where(given) as world, ExitStack() as made:

        def terminal(login: int) -> Terminal:
            owner = Owner(world.terminal(login), Account(login))
            server = AgentServer(owner, login, agent_keys(login))
            made.callback(server.close)
            far = AgentTerminal(lambda: server.address, login, platform_keys(), 60.0)
            made.callback(far.shutdown)
            return far

        yield replace(world, terminal=terminal, keeps_account=True)


@contextmanager
def behind_pools(given: BrokerSettings, where: Where = in_process) -> Iterator[World]:
    """The terminals of another world, two of each account, as one."""
    with where(given) as world, ExitStack() as made:

        def agent(login: int) -> str:
            owner = Owner(world.terminal(login), Account(login))
            server = AgentServer(owner, login, agent_keys(login))
            made.callback(server.close)
            return server.address

        def terminal(login: int) -> Terminal:
            mine, addresses = platform_keys(), [agent(login), agent(login)]
            pool = Pool(lambda: addresses, lambda a: AgentPulse(a, login, mine), 60.0, Random(1))
            made.callback(pool.close)
            far = PoolTerminal(PoolLink(pool, lambda a: AgentLink(lambda: a, login, mine, 60.0)))
            made.callback(far.shutdown)
            return far

        yield replace(world, terminal=terminal, keeps_account=True)


WORLDS: dict[str, Where] = {
    "in process": in_process,
    "over tcp": over_tcp,
    "as vendor": as_vendor,
    "behind agents": behind_agents,
    "as vendor behind agents": partial(behind_agents, where=as_vendor),
    "behind pools": behind_pools,
}


def quote(terminal: Terminal, symbol: str = "EURUSD") -> Tick:
    """The last quote, which must be there."""
    tick = terminal.symbol_info_tick(symbol)
    assert tick is not None, terminal.last_error()
    return tick


def deal(terminal: Terminal, side: int = mt5.ORDER_TYPE_BUY, **fields: Any) -> dict[str, Any]:
    """A market order at the price of now."""
    symbol = fields.get("symbol", "EURUSD")
    tick = quote(terminal, symbol)
    price = tick.ask if side == mt5.ORDER_TYPE_BUY else tick.bid
    request = {
        "action": mt5.TRADE_ACTION_DEAL,
        "symbol": symbol,
        "type": side,
        "volume": 0.1,
        "price": price,
        "deviation": 10,
        "magic": 77,
        "comment": "test",
    }
    return {**request, **fields}


def pending(kind: int, price: float, **fields: Any) -> dict[str, Any]:
    """A pending order of EURUSD."""
    request = {
        "action": mt5.TRADE_ACTION_PENDING,
        "symbol": "EURUSD",
        "type": kind,
        "volume": 0.1,
        "price": round(price, 5),
        "magic": 78,
        "comment": "waiting",
    }
    return {**request, **fields}


def send(terminal: Terminal, request: dict[str, Any]) -> OrderSendResult:
    """The server's answer, which must be one."""
    result = terminal.order_send(request)
    assert result is not None, terminal.last_error()
    return result


def opened(terminal: Terminal, side: int = mt5.ORDER_TYPE_BUY, /, **fields: Any) -> TradePosition:
    """A position that has just been opened."""
    result = send(terminal, deal(terminal, side, **fields))
    assert result.retcode == mt5.TRADE_RETCODE_DONE, result
    (position,) = terminal.positions_get(ticket=result.order) or ()
    return position


def closing(terminal: Terminal, position: TradePosition, **fields: Any) -> dict[str, Any]:
    """The market order that closes a position."""
    given = {"volume": position.volume, "position": position.ticket, "symbol": position.symbol}
    return deal(terminal, 1 - position.type, **{**given, **fields})


def eurusd() -> Specification:
    """The specification that most tests trade."""
    return SYMBOLS[0]
