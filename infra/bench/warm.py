"""From a signal to its `order_send` with everything kept warm, beside the first order of a start.

One agent and one account, through the saga, the decider and the gateway's sender. Kafka and
Postgres are left out: they are the same for both (`tapedeck bench --only platform` has them).
"""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from math import inf
from typing import Any

from commands.order_life import ORDERS
from commands.orders import RequestOrder
from events.orders import OrderAccepted
from events.signals import SignalRaised
from events.values import Side, lots, price
from infra.bench.figures import Figure, quantile
from infra.bench.signals import account_of, limits_of, signal
from infra.bench.terminals import ready, roles
from infra.config import Config
from infra.mt5.gateway.checks import context
from infra.mt5.gateway.clock import SystemClock
from infra.mt5.gateway.connect import Connector
from infra.mt5.gateway.health import Identity
from infra.mt5.gateway.room import Missing, Room
from infra.mt5.gateway.send import Sender, Taken
from infra.mt5.gateway.warm import Warm
from infra.mt5.simulator.settings import SERVER
from infra.mt5.tuples import TradePosition
from infra.run.agent import agent_terminal
from sagas.order_execution import NEVER_US, ORDER_EXECUTION, Execution

SYMBOL = "EURUSD"
COLD, WARM = 20, 200
STAGE_OF = {
    "ahead": "asking ahead",
    "initialize": "connect and log in",
    "terminal_info": "look at health",
    "account_info": "look at health",
    "symbols_total": "look at health",
    "symbol_select": "figures of the symbol",
    "symbol_info": "figures of the symbol",
    "symbol_info_tick": "quote",
    "positions_get": "open positions",
    "order_send": "order_send",
    "sleep": "waiting to see a quote come",
}
DECIDE, REST, TOTAL = (
    "saga and decider",
    "judging, all else of ours",
    "signal -> order_send answered",
)
STAGES = (DECIDE, *dict.fromkeys(STAGE_OF.values()), REST, TOTAL)
SHARES = (0.5, 0.99)
Times = dict[str, float]


def warm(config: Config, repeat: int) -> list[Figure]:
    """Each stage warm and cold; only the whole way must be faster."""
    account = config.accounts[0]
    with roles(config, ("venue",), ("agent", account)) as bound:
        ready(probe := agent_terminal(bound, account))
        probe.shutdown()
        cold = [_first(bound, account) for _ in range(COLD * repeat)]
        kept = list(_further(bound, account, WARM * repeat))
    return [
        Figure(
            f"{stage}, p{share * 100:g}",
            quantile([times[stage] for times in kept], share),
            "cold",
            quantile([times[stage] for times in cold], share),
            "us",
            1.0 if stage == TOTAL else inf,
            ceiling=True,
        )
        for stage in STAGES
        for share in SHARES
        if any(times[stage] for times in cold)
    ]


@dataclass
class Watched:
    """A terminal or a clock whose calls are timed, by stage."""

    watched: Any
    times_us: Times

    def __getattr__(self, name: str) -> Any:
        function, stage = getattr(self.watched, name), STAGE_OF.get(name)
        return self._timed(function, stage) if stage else function

    def _timed(self, function: Any, stage: str) -> Any:
        def call(*arguments: Any, **keywords: Any) -> Any:
            began_ns = time.perf_counter_ns()
            answer = function(*arguments, **keywords)
            self.times_us[stage] += (time.perf_counter_ns() - began_ns) / 1_000
            return answer

        return call


class Desk:
    """An account's sender, as a gateway has it when it starts: nothing is known yet."""

    _numbers = count(1)

    def __init__(self, config: Config, account: str) -> None:
        self.terminal: Any = Watched(agent_terminal(config, account), defaultdict(float))
        self._clock: Any = Watched(SystemClock(), defaultdict(float))
        self.account = account
        clock, jitter = self._clock, random.Random(0)
        self._identity = Identity(int(account), SERVER)
        self.warm = Warm(self.terminal, clock, (SYMBOL,))
        self._connector = Connector(self.terminal, clock, jitter)
        self._sender = Sender(
            self.terminal, self._connector, self._identity, self.warm, clock, jitter
        )
        self._begun = False
        self._limits = limits_of(account, (SYMBOL,))
        self._context = tuple(context(account, account_of(account), self._limits))

    def times_us(self, ask: float) -> Times:
        """Follow a signal; how long each stage took."""
        times: Times = defaultdict(float)
        self.terminal.times_us = self._clock.times_us = times
        began_ns = time.perf_counter_ns()
        order = self._accepted(signal(next(Desk._numbers), SYMBOL, ask))
        times[DECIDE] = (time.perf_counter_ns() - began_ns) / 1_000
        if not self._begun:
            self.begin()
        self.send(order)
        whole_us = (time.perf_counter_ns() - began_ns) / 1_000
        times[REST] = whole_us - sum(times.values())
        times[TOTAL] = whole_us
        between: Times = defaultdict(float)  # what comes between orders is not theirs
        self.terminal.times_us = self._clock.times_us = between
        return times

    def begin(self) -> None:
        """What a gateway does before its first order."""
        self._begun = True
        self._connector.look(self._identity)
        self.warm.see_one_come()

    def send(self, order: OrderAccepted) -> None:
        """Through the only way there is."""
        self._sender.foresee(order)
        asked_s = SystemClock().monotonic_s()
        result = self._sender.send(order, asked_s, lambda _number: True, self._room)
        if not isinstance(result, Taken):
            raise RuntimeError(f"an order was not taken: {result}")

    def close_all(self) -> None:
        """The book is as it was."""
        for position in self.terminal.positions_get() or ():
            self.send(_closing(self.account, position))

    def ask(self) -> float:
        """The price of now, of which a signal tells."""
        tick = self.terminal.symbol_info_tick(SYMBOL)
        if tick is None:
            raise RuntimeError(f"no quote: {self.terminal.last_error()}")
        return float(tick.ask)

    def _room(self) -> Room:
        shown = self.terminal.positions_get()
        return Room(self._limits, Missing("unread") if shown is None else shown)

    def _accepted(self, raised: SignalRaised) -> OrderAccepted:
        execution = Execution()
        for event in (*self._context, raised):
            execution = ORDER_EXECUTION.evolve(execution, event)
        legs = [w for w in ORDER_EXECUTION.next(execution) if isinstance(w, RequestOrder)]
        if not legs:
            raise RuntimeError(f"nobody follows: {execution.left_out}")
        (order,) = ORDERS.decide(legs[0], ORDERS.initial)
        if not isinstance(order, OrderAccepted):
            raise RuntimeError(f"an order was denied: {order}")
        return order


def _first(config: Config, account: str) -> Times:
    """The first order of a start. The price that its signal tells of comes from elsewhere."""
    other = Desk(config, account)
    ready(other.terminal)
    ask = other.ask()
    desk = Desk(config, account)
    try:
        return desk.times_us(ask)
    finally:
        desk.close_all()
        desk.terminal.shutdown()
        other.terminal.shutdown()


def _further(config: Config, account: str, times: int) -> Iterator[Times]:
    """Orders of a gateway that has been at work."""
    desk = Desk(config, account)
    ready(desk.terminal)
    desk.begin()
    desk.warm.refresh()
    try:
        for _ in range(times):
            yield desk.times_us(desk.ask())
            desk.close_all()
            desk.warm.refresh()
    finally:
        desk.terminal.shutdown()


def _closing(account: str, position: TradePosition) -> OrderAccepted:
    return OrderAccepted(
        order_id=f"{position.ticket}/close",
        execution_id="",
        account=account,
        symbol=position.symbol,
        side=Side.SELL,
        volume_lots=lots(position.volume),
        price_reference=price(position.price_open),
        stop_loss=None,
        take_profit=None,
        closes_position=position.ticket,
        limits_version=1,
        expires_at_us=NEVER_US,
    )
