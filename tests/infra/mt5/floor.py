"""A trading floor in memory: simulated broker, tape, ledger, and a gateway that can be killed.

Time is virtual. What survives a kill is what would survive it for real: the broker, the tape, the
ledger.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from commands.limits import LIMITS, SetLimits
from events.envelope import Event, Message, first_cause
from events.orders import OrderAccepted, OrderFilled, magic_of
from events.values import Side, lots, price
from infra.mt5.books import differences
from infra.mt5.gateway.gateway import Gateway
from infra.mt5.gateway.health import Identity
from infra.mt5.package import Package
from infra.mt5.simulator.broker import Broker
from infra.mt5.simulator.clock import VirtualClock
from infra.mt5.simulator.faults import FaultRule
from infra.mt5.simulator.settings import SERVER, BrokerSettings, MarketSettings
from infra.mt5.simulator.symbols import BY_NAME
from infra.mt5.simulator.terminal import simulated_terminal
from infra.mt5.simulator.ticks import Market
from infra.mt5.terminal import Terminal
from infra.mt5.tuples import TradeDeal
from infra.store.offsets import Advance
from tests.infra.mt5.desk import ACCOUNT, WIDE, message, order
from tests.infra.mt5.memory_ledger import MemoryLedger

LOGIN = 90001
START_MS = 1_700_000_000_000
TURN_MS = 100
SYMBOLS = ("EURUSD", "GBPUSD", "AUDUSD")
MARKET = Market(MarketSettings(symbols=tuple(BY_NAME[name] for name in SYMBOLS)))
"""Quotes are a function of settings and time: made once for all floors."""
Wrap = Callable[[Any], Any]


class Killed(BaseException):
    """The process is gone. Nothing that the gateway does may catch it."""


class FloorClock:
    """One virtual clock for the broker and the gateway."""

    def __init__(self, broker: VirtualClock) -> None:
        self._broker = broker

    def now_us(self) -> int:
        return self._broker.now_ms() * 1_000

    def monotonic_s(self) -> float:
        return self._broker.now_ms() / 1_000

    def sleep(self, seconds: float) -> None:
        self._broker.advance(round(seconds * 1_000))


class Sending:
    """A terminal that counts what is really sent, beneath whatever else goes wrong."""

    def __init__(self, terminal: Package, sent: list[dict[str, Any]]) -> None:
        self._terminal = terminal
        self._sent = sent

    def __getattr__(self, name: str) -> Any:
        return getattr(self._terminal, name)

    def order_send(self, request: dict[str, Any]) -> Any:
        self._sent.append(dict(request))
        return self._terminal.order_send(request)


class Floor:
    """Broker, tape, ledger; `gateway` is the session at work, if any."""

    def __init__(self, ledger: MemoryLedger | None = None) -> None:
        self.virtual = VirtualClock(START_MS)
        self.clock = FloorClock(self.virtual)
        self.broker = Broker(
            BrokerSettings(logins=(LOGIN, 2), market=MARKET.settings), self.virtual
        )
        self.broker.market = MARKET
        for account in self.broker.accounts.values():
            account.market = MARKET
        self.ledger = ledger or MemoryLedger(ACCOUNT)
        self.sent: list[dict[str, Any]] = []
        self.tape: list[Message[OrderAccepted]] = []
        self.gateway: Gateway | None = None
        self.limit(WIDE)

    def limit(self, limits: SetLimits) -> None:
        """These limits are in force, whether the tape has told of them or not."""
        number = str(len(self.ledger.store.load(f"limits:{ACCOUNT}")[1]))
        now_us = self.clock.now_us()
        command = first_cause(limits, source="floor", sequence=number, key=ACCOUNT, time_us=now_us)
        self.ledger.store.handle(LIMITS, command)

    def accept(self, order_id: str, symbol: str = "EURUSD", **fields: Any) -> None:
        """An accepted order at the end of the tape, at today's price unless told otherwise."""
        ask = self.look().symbol_info_tick(symbol)
        assert ask is not None
        plain = {
            "order_id": order_id,
            "symbol": symbol,
            "price_reference": price(ask.ask),
            "stop_loss": None,
            "take_profit": None,
            "expires_at_us": self.clock.now_us() + 60_000_000,
        }
        accepted = message(order(**{**plain, **fields}), len(self.tape) + 1)
        self.ledger.store.append(f"orders:{order_id}", 0, [accepted])
        self.tape.append(accepted)

    def spoil(self, *rules: FaultRule) -> None:
        """The broker spoils its next answers."""
        self.broker.inject(LOGIN, rules)

    def look(self) -> Package:
        """Another terminal of the account, for the test's own eyes."""
        terminal = simulated_terminal(self.broker, LOGIN)
        assert terminal.initialize()
        return terminal

    def start(self, wrap: Wrap = lambda port: port, settled: bool = True) -> Gateway:
        """A gateway's process starts, as it always does; `settled`: it has seen a quote come."""
        terminal: Terminal = wrap(Sending(simulated_terminal(self.broker, LOGIN), self.sent))
        ledger = wrap(self.ledger)
        now_us = self.clock.now_us()
        identity = Identity(LOGIN, SERVER)
        opened = ledger.known(now_us) or ledger.open(identity, "USD", now_us)
        self.gateway = Gateway(terminal, ledger, ACCOUNT, opened, self.clock, SYMBOLS)
        while settled and self.gateway._warm.watching:
            self.virtual.advance(TURN_MS)
            self.gateway._warm.watch()
        return self.gateway

    def turn(self) -> None:
        """One turn of the role's loop: what is new on the tape, then the beat."""
        assert self.gateway is not None
        done = self.ledger.next_offsets.get(("order-events", 0), 0)
        if done < len(self.tape):
            step = Advance("order-events", 0, done, done + 1)
            self.gateway.handle([self.tape[done]], (step,))
        self.gateway.beat()
        self.virtual.advance(TURN_MS)

    def run(self, seconds: float) -> None:
        """Turn for this long."""
        until_s = self.clock.monotonic_s() + seconds
        while self.clock.monotonic_s() < until_s:
            self.turn()

    def rest(self, seconds_max: float = 120.0) -> None:
        """Turn until the tape is read and every order has its outcome."""
        until_s = self.clock.monotonic_s() + seconds_max
        while self.busy():
            assert self.clock.monotonic_s() < until_s, "the gateway does not come to rest"
            self.turn()
        self.run(3.0)

    def busy(self) -> bool:
        """Whether something is still to be done."""
        done = self.ledger.next_offsets.get(("order-events", 0), 0)
        unsettled = self.gateway is None or self.gateway.unsettled
        return done < len(self.tape) or bool(unsettled) or bool(self.ledger.unsettled())

    def events(self, order_id: str | None = None) -> list[Event]:
        """What the store holds: of one order, or of everything."""
        if order_id is not None:
            return [m.event for m in self.ledger.store.load(f"orders:{order_id}")[1]]
        logged = (each.message for each in self.ledger.store.after(0, 100_000))
        return [each.event for each in logged if each is not None]

    def story(self, order_id: str) -> list[str]:
        """The names of an order's events."""
        return [type(event).__name__ for event in self.events(order_id)]

    def deals(self) -> tuple[TradeDeal, ...]:
        """Every deal of the account, deposits too."""
        found = self.look().history_deals_get(1, self.virtual.now_ms() // 1000 + 86_400)
        assert found is not None
        return found

    def sends_of(self, order_id: str) -> int:
        """How often the order was really sent."""
        return sum(1 for request in self.sent if request["magic"] == magic_of(order_id))

    def check_books(self) -> None:
        """The broker's books and the tape's tell the same."""
        terminal = self.look()
        info, positions = terminal.account_info(), terminal.positions_get()
        assert info is not None
        assert positions is not None
        told = differences(ACCOUNT, self.events(), positions, self.deals(), info.balance)
        assert told == ()

    def close(self, order_id: str, opened_by: str) -> None:
        """An accepted order that closes what another has opened."""
        fill = next(e for e in self.events(opened_by) if isinstance(e, OrderFilled))
        self.accept(
            order_id,
            fill.symbol,
            side=Side.SELL if fill.side is Side.BUY else Side.BUY,
            volume_lots=lots(fill.volume_lots),
            closes_position=fill.position_id,
        )
