"""The simulated broker on one core: ticks with ten positions open, orders sent and answered.

Rates are per second of the processor's time: nothing here waits, and whoever else keeps the machine
busy is not measured with it.
"""

from __future__ import annotations

import time
from typing import Any

from infra.bench.figures import Figure, against_limit
from infra.config import Config
from infra.mt5 import constants as mt5
from infra.mt5.simulator.broker import Broker
from infra.mt5.simulator.clock import VirtualClock
from infra.mt5.simulator.settings import AccountSettings, BrokerSettings, MarketSettings
from infra.mt5.simulator.terminal import simulated_terminal
from infra.mt5.terminal import Terminal

TICKS_PER_S_WANTED = 200_000
ORDERS_PER_S_WANTED = 5_000
POSITIONS = 10
HOURS = 24
LOOK_EVERY_S = 10
ORDERS = 4_000
LOGIN = 90001
START_MS = 1_763_640_000_000
HOUR_MS = 3_600_000


def ticks(_config: Config, repeats: int) -> Figure:
    """A day in one go."""
    name = f"simulated ticks, {POSITIONS} positions"
    runs = [ticks_rate() for _ in range(repeats)]
    return against_limit(name, runs, TICKS_PER_S_WANTED, "ticks/s")


def looks(_config: Config, repeats: int) -> Figure:
    """A day in steps, as somebody looks at the account again and again."""
    name = f"simulated ticks, a look every {LOOK_EVERY_S} s"
    runs = [ticks_rate(LOOK_EVERY_S * 1_000) for _ in range(repeats)]
    return against_limit(name, runs, TICKS_PER_S_WANTED, "ticks/s")


def orders(_config: Config, repeats: int) -> Figure:
    """Orders through the package's own functions, the price asked for before each."""
    runs = [orders_rate() for _ in range(repeats)]
    return against_limit("simulated orders, answered", runs, ORDERS_PER_S_WANTED, "orders/s")


def ticks_rate(look_every_ms: int = HOURS * HOUR_MS) -> float:
    """Ticks per second, made and swept over an account that holds ten positions."""
    broker, clock, terminal = _opened()
    held = _hold(terminal)
    start = time.process_time()
    for _ in range(HOURS * HOUR_MS // look_every_ms):
        clock.advance(look_every_ms)
        broker.advance()
    spent_s = time.process_time() - start
    to_ms = START_MS + HOURS * HOUR_MS + 1
    swept = sum(len(broker.market.ticks(name, START_MS + 1, to_ms)) for name in held)
    return swept / spent_s


def orders_rate() -> float:
    """Requests per second through the package's own function: a position opened, and closed."""
    _, _, terminal = _opened()
    _hold(terminal)
    start = time.process_time()
    for _ in range(ORDERS // 2):
        opened = _sent(terminal, "EURUSD", mt5.ORDER_TYPE_BUY)
        _sent(terminal, "EURUSD", mt5.ORDER_TYPE_SELL, position=opened)
    return ORDERS / (time.process_time() - start)


def _opened() -> tuple[Broker, VirtualClock, Terminal]:
    clock = VirtualClock(START_MS)
    settings = BrokerSettings(
        logins=(LOGIN,),
        market=MarketSettings(ticks_per_s=10.0),
        terms=AccountSettings(deposit=1e7),
    )
    broker = Broker(settings, clock)
    terminal = simulated_terminal(broker, LOGIN)
    if not terminal.initialize():
        raise RuntimeError(f"the simulated terminal does not start: {terminal.last_error()}")
    return broker, clock, terminal


def _hold(terminal: Terminal) -> tuple[str, ...]:
    """Open the positions, with stops that are far away, and name their symbols."""
    names = tuple(symbol.name for symbol in terminal.symbols_get() or ())
    for nth in range(POSITIONS):
        name, side = names[nth % len(names)], nth % 2
        tick = terminal.symbol_info_tick(name)
        if tick is None:
            raise RuntimeError(f"{name} has no price: {terminal.last_error()}")
        _sent(terminal, name, side, sl=round(tick.bid * (0.5 if side == 0 else 1.5), 2))
    return names


def _sent(terminal: Terminal, symbol: str, side: int, **fields: Any) -> int:
    """A market order at the price of now; its ticket."""
    tick = terminal.symbol_info_tick(symbol)
    price = 0.0 if tick is None else tick.bid if side else tick.ask
    request = {
        "action": mt5.TRADE_ACTION_DEAL,
        "symbol": symbol,
        "type": side,
        "volume": 0.1,
        "price": price,
        **fields,
    }
    result = terminal.order_send(request)
    if result is None or result.retcode != mt5.TRADE_RETCODE_DONE:
        raise RuntimeError(f"the simulated broker refused {request}: {result}")
    return result.order
