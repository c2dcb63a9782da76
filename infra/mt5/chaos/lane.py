"""One symbol of one account: opens and closes, one order after the other, settling what is unknown.

It sends as a gateway does, with the gateway's own sender, connector and search. What is missing is
the ledger: a drill's process is not killed, so its intents are kept in memory.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import Protocol

from events.envelope import first_cause
from events.limits import LimitsSet
from events.orders import OrderAccepted
from events.values import Side, lots, price
from infra.mt5.chaos.record import DEALT, Intent, Outcome
from infra.mt5.gateway import searching
from infra.mt5.gateway.clock import SystemClock
from infra.mt5.gateway.connect import Connector
from infra.mt5.gateway.health import Identity, Rung
from infra.mt5.gateway.ledger import Entry
from infra.mt5.gateway.room import Missing, Room
from infra.mt5.gateway.send import Lost, NotSent, Refused, Result, Sender, Taken
from infra.mt5.gateway.warm import Warm
from infra.mt5.reconcile import Found, is_fill
from infra.mt5.simulator.settings import SERVER
from infra.mt5.terminal import Terminal
from infra.mt5.tuples import TradeDeal

VOLUME_LOTS = lots("0.01")
EXPIRES_S = 60
LOOK_AGAIN_S = 0.05


class Line(Protocol):
    """A lane's terminal, and the life of the agent that is behind it."""

    terminal: Terminal
    epoch: Callable[[], str]


@dataclass(slots=True)
class Lane:
    """Trades until told to stop, and settles everything that it has begun."""

    login: int
    symbol: str
    line: Line
    pause_s: float
    luck: random.Random
    seen: Callable[[int, str], None]
    """Told of each life of the account's agent that answers."""
    magics: set[int]
    """Those under which the account has sent, by any of its lanes."""
    intents: list[Intent] = field(default_factory=list)
    trouble: str = ""
    _stop: Event = field(default_factory=Event)
    _given_up: Event = field(default_factory=Event)
    _position: int | None = None
    _side: Side = Side.BUY
    _clock: SystemClock = field(default_factory=SystemClock)
    _connector: Connector = field(init=False)
    _warm: Warm = field(init=False)
    _sender: Sender = field(init=False)
    _thread: Thread = field(init=False)

    def __post_init__(self) -> None:
        identity, terminal = self._identity, self.line.terminal
        self._connector = Connector(terminal, self._clock, self.luck)
        self._warm = Warm(terminal, self._clock, (self.symbol,))
        self._sender = Sender(
            terminal, self._connector, identity, self._warm, self._clock, self.luck
        )
        self._thread = Thread(target=self._run, name=f"{self.login}-{self.symbol}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Begin no more orders."""
        self._stop.set()

    def ended(self, patience_s: float) -> bool:
        """Whether everything is settled, after at most so long; then it is left as it is."""
        self._thread.join(patience_s)
        if self._thread.is_alive():
            self._given_up.set()
            self._thread.join()
        return not self.trouble and all(i.outcome is not Outcome.OPEN for i in self.intents)

    @property
    def _identity(self) -> Identity:
        return Identity(self.login, SERVER)

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                if self._ready() and (order := self._next()) is not None:
                    self._place(order)
                self._stop.wait(self.pause_s * self.luck.uniform(0.5, 1.5))
        except Exception as error:
            self.trouble = f"{type(error).__name__}: {error}"
            raise
        finally:
            self.line.terminal.shutdown()

    def _ready(self) -> bool:
        """Wait for the terminal to trade again; False: told to stop first."""
        while self._connector.look(self._identity).rung is not Rung.TRADING:
            if self._stop.wait(LOOK_AGAIN_S):
                return False
        self._warm.see_one_come()
        self.seen(self.login, self.line.epoch())
        return True

    def _next(self) -> OrderAccepted | None:
        tick = self.line.terminal.symbol_info_tick(self.symbol)
        if tick is None:
            return None
        if self._position is None:
            self._side = self.luck.choice((Side.BUY, Side.SELL))
            side = self._side
        else:
            side = Side.SELL if self._side is Side.BUY else Side.BUY
        number = len(self.intents)
        return OrderAccepted(
            order_id=f"chaos/{self.login}/{self.symbol}/{number}",
            execution_id="chaos",
            account=str(self.login),
            symbol=self.symbol,
            side=side,
            volume_lots=VOLUME_LOTS,
            price_reference=price(tick.bid),
            stop_loss=None,
            take_profit=None,
            closes_position=self._position,
            limits_version=1,
            expires_at_us=self._clock.now_us() + EXPIRES_S * 1_000_000,
        )

    def _place(self, order: OrderAccepted) -> None:
        """The intent first, then the order, then its outcome, however long that takes."""
        intent = Intent(order, len(self.intents))
        self.intents.append(intent)
        self.magics.add(intent.magic)
        now_us, asked_s = self._clock.now_us(), self._clock.monotonic_s()
        self._sender.foresee(order)
        result = self._sender.send(order, asked_s, lambda _number: True, self._room)
        intent.outcome = self._ended(intent, now_us, result)

    def _room(self) -> Room:
        """Room enough: it is not limits that are on trial."""
        held = self.line.terminal.positions_get()
        limits = LimitsSet(
            account=str(self.login),
            version=1,
            volume_lots_max=VOLUME_LOTS,
            open_lots_max=lots("1000"),
            open_positions_max=1_000,
            confidence_min=0.0,
            signal_age_ms_max=EXPIRES_S * 1_000,
            symbols=(self.symbol,),
        )
        return Room(limits, Missing("no positions") if held is None else held)

    def _ended(self, intent: Intent, now_us: int, result: Result) -> Outcome:
        venue_order = 0
        match result:
            case Refused(reread=reread):
                if reread:  # the position that it should close is gone
                    self._position = None
                return Outcome.REFUSED
            case NotSent():
                return Outcome.NEVER_SENT
            case Lost(_, venue_order):
                intent.unknown = True
            case Taken(_, venue_order, _):
                deals = self.line.terminal.history_deals_get(ticket=venue_order) or ()
                if fills := [deal for deal in deals if is_fill(intent.order, deal)]:
                    self._dealt(intent.order, fills)
                    return Outcome.DONE
        return self._searched(intent, now_us, venue_order)

    def _searched(self, intent: Intent, now_us: int, venue_order: int) -> Outcome:
        """Look the order up until there is no doubt; it is never sent again."""
        stamp = first_cause(
            intent.order, source="chaos", sequence="0", key=intent.order.order_id, time_us=now_us
        )
        search = searching.begin(Entry(stamp, True, now_us, venue_order), self._clock)
        terminal, accounted = self.line.terminal, self._accounted
        while not self._given_up.is_set():
            readable = self._connector.look(self._identity).readable
            if readable and time.monotonic() >= search.next_s:
                self.seen(self.login, self.line.epoch())
                finding = searching.step(search, terminal, self._identity, self._clock, accounted)
                if isinstance(finding, Found):
                    self._dealt(intent.order, finding.deals)
                    return Outcome.FOUND
                if finding is not None:
                    return Outcome.ABSENT
            self._given_up.wait(LOOK_AGAIN_S)
        return Outcome.OPEN

    def _accounted(self, _ticket: int) -> bool:
        """Nobody strips the names of our deals: none is taken for ours without one."""
        return True

    def _dealt(self, order: OrderAccepted, deals: list[TradeDeal] | tuple[TradeDeal, ...]) -> None:
        self._position = deals[0].position_id if order.closes_position is None else None

    @property
    def settled(self) -> int:
        """How many of its orders have been dealt."""
        return sum(intent.outcome in DEALT for intent in self.intents)
