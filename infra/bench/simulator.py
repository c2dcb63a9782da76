"""How fast the simulated broker is, in this process, by seconds of one core.

Processor time is what is counted, so that neighbours on the machine do not change the figure.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from infra.bench.figures import Figure, against_limit
from infra.config import Config
from infra.mt5 import constants as mt5
from infra.mt5.package import Package
from infra.mt5.simulator.broker import Broker
from infra.mt5.simulator.clock import VirtualClock
from infra.mt5.simulator.settings import BrokerSettings, MarketSettings
from infra.mt5.simulator.terminal import simulated_terminal

TICKS_PER_S_AIM = 200_000.0
SENDS_PER_S_AIM = 5_000.0
POSITIONS = 10
DAYS = 3
SENDS = 10_000
WARMING = 200
START_MS = 1_763_640_000_000  # a Thursday noon
LOGIN = 1
_DAY_MS = 86_400_000


def ticks(config: Config, repeat: int) -> Figure:
    """Ticks made and led over ten open positions; nothing has been computed before."""
    runs = [_ticks_per_s(config.seed + run) for run in range(repeat)]
    return against_limit("simulator: ticks, 10 open positions", runs, TICKS_PER_S_AIM, "/s")


def sends(config: Config, repeat: int) -> Figure:
    """Market orders through the package's own function: openings and closings in turn."""
    runs = [_sends_per_s(config.seed + run) for run in range(repeat)]
    return against_limit("simulator: order_send", runs, SENDS_PER_S_AIM, "/s")


def _ticks_per_s(seed: int) -> float:
    broker, clock, terminal = _opened(seed)
    names = list(broker.market.symbols)
    for number in range(POSITIONS):
        _dealt(terminal, names[number % len(names)], number % 2, 0.01)
    clock.advance(DAYS * _DAY_MS)
    took_s = _core_s(broker.advance)
    if len(broker.accounts[LOGIN].ledger.positions) != POSITIONS:
        raise RuntimeError("a position was closed while ticks were measured; the figure is void")
    end_ms = START_MS + DAYS * _DAY_MS
    count = sum(len(broker.market.ticks(name, START_MS + 1, end_ms + 1)) for name in names)
    return count / took_s


def _sends_per_s(seed: int) -> float:
    *_, terminal = _opened(seed)
    _in_turn(terminal, WARMING)
    return SENDS / _core_s(lambda: _in_turn(terminal, SENDS))


def _in_turn(terminal: Package, count: int) -> None:
    """One position opened and closed again, half as often."""
    opening = _request(terminal, "EURUSD", mt5.ORDER_TYPE_BUY, 0.1)
    closing = _request(terminal, "EURUSD", mt5.ORDER_TYPE_SELL, 0.1)
    for _ in range(count // 2):
        ticket = _sent(terminal, opening)
        _sent(terminal, {**closing, "position": ticket})


def _dealt(terminal: Package, name: str, side: int, lots: float) -> None:
    _sent(terminal, _request(terminal, name, side, lots))


def _sent(terminal: Package, request: dict[str, Any]) -> int:
    result = terminal.order_send(request)
    if result is None or result.retcode != mt5.TRADE_RETCODE_DONE:
        raise RuntimeError(f"the simulator answered {result} to {request}; the figure is void")
    return result.order


def _request(terminal: Package, name: str, side: int, lots: float) -> dict[str, Any]:
    tick = terminal.symbol_info_tick(name)
    if tick is None:
        raise RuntimeError(f"the simulator has no quote of {name}")
    price = tick.bid if side == mt5.ORDER_TYPE_SELL else tick.ask
    action = mt5.TRADE_ACTION_DEAL
    return {"action": action, "symbol": name, "type": side, "volume": lots, "price": price}


def _opened(seed: int) -> tuple[Broker, VirtualClock, Package]:
    clock = VirtualClock(START_MS)
    broker = Broker(BrokerSettings(logins=(LOGIN,), market=MarketSettings(seed=seed)), clock)
    terminal = simulated_terminal(broker, LOGIN)
    if not terminal.initialize():
        raise RuntimeError(f"the simulator does not start: {terminal.last_error()}")
    return broker, clock, terminal


def _core_s(work: Callable[[], None]) -> float:
    """Seconds of a core that the work takes."""
    began_s = time.process_time()
    work()
    return time.process_time() - began_s
