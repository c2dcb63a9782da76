"""One decision as it stands on the tape, from ticks to deals, for tests of what is shown of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count
from typing import Any

from msgspec.structs import asdict, replace

from commands.executions import OpenExecution
from events.bars import BarClosed
from events.envelope import E, Event, Message, Position, caused_by, first_cause
from events.execution import ExecutionCompensated, ExecutionCompleted, ExecutionOpened
from events.market import TickReceived
from events.orders import OrderAccepted, OrderFilled, OrderIntended, PositionClosed, magic_of
from events.predictions import FeaturesComputed, PredictionMade
from events.signals import SignalRaised
from events.values import Side, lots, money, price
from schemas.catalog import key_of, topic_of
from tests.projections.books import ACCOUNTS, REPORTED_AT_US, STORE, accounts

T0_US = REPORTED_AT_US
SECOND_US = 1_000_000
DIGEST = "d" * 64
OFFSETS = 1_000
"""Decision n stands at offsets from n times this on."""


def ticks(symbol: str = "EURUSD", first_seq: int = 1, number: int = 20) -> list[Message[Any]]:
    """One a second; the last one stands in the next minute of three of them."""
    return [tick(symbol, first_seq + i, T0_US + (first_seq + i) * SECOND_US) for i in range(number)]


def tick(symbol: str, seq: int, at_us: int) -> Message[TickReceived]:
    """One tick of the venue."""
    bid = 1.1 + seq % 100 / 100_000
    event = TickReceived(
        symbol=symbol,
        source="venue",
        source_seq=seq,
        ts_source_us=at_us,
        ts_received_us=at_us + 250,
        bid=bid,
        ask=bid + 0.0001,
    )
    return first_cause(event, source="venue", sequence=f"{seq:016d}", key=symbol, time_us=at_us)


def placed(messages: Iterable[Message[Any]], first_offset: int = 0) -> list[Message[Any]]:
    """The messages as they would be read from partition 0 of their topics."""
    ends: dict[str, Iterator[int]] = {}
    read = []
    for message in messages:
        topic = topic_of(type(message.event)).name
        offset = next(ends.setdefault(topic, count(first_offset)))
        read.append(replace(message, position=Position(topic, 0, offset)))
    return read


class Story:
    """What follows from the tick that closed a bar of `bar_ticks`; the tick's position is known."""

    def __init__(
        self, closing: Message[TickReceived], bar_ticks: int, entry_id: int = 1, ticket: int = 100
    ) -> None:
        assert closing.position is not None
        self.closing = closing
        self.bar_ticks = bar_ticks
        self.ticket = ticket
        self._entries = count(entry_id)
        self.symbol = closing.event.symbol
        self.closed_at_us = closing.event.ts_source_us
        self.id = f"{self.symbol}-60-{self.closed_at_us}"
        self.bar = self._by("bars", closing, self._bar(), closing.position)
        self.features = self._by("features", self.bar, self._features(), closing.position)
        self.prediction = self._by("inference", self.features, self._made(), closing.position)
        self.signal = self._by("signals", self.prediction, self._raised(), closing.position)

    def market(self) -> list[Message[Any]]:
        """What the processors said."""
        return [self.bar, self.features, self.prediction, self.signal]

    def executed(self) -> list[Message[Any]]:
        """What the event store said: the signal was followed and filled on all accounts."""
        wish = self._stored(self.signal, self._open())
        told = [wish, self._stored(wish, ExecutionOpened(**asdict(wish.event)))]
        for number, account in enumerate(ACCOUNTS):
            cause = told[0]
            for event in self._leg(account, self.ticket + number):
                told.append(self._stored(cause, event))
        done = ExecutionCompleted(execution_id=self.id, symbol=self.symbol, accounts=ACCOUNTS)
        return [*told, self._stored(wish, done)]

    def reverted(self) -> list[Message[Any]]:
        """The first leg is closed again, at the second attempt, and the execution given up."""
        told = []
        for number, name in enumerate(("close", "close-2")):
            order_id = f"{self.id}/{ACCOUNTS[0]}/{name}"
            for event in self._leg(ACCOUNTS[0], self.ticket + 7)[: 1 + 2 * number]:
                changes = {"position_id": self.ticket} if isinstance(event, OrderFilled) else {}
                told.append(self._stored(self.signal, replace(event, order_id=order_id, **changes)))
        end = ExecutionCompensated(
            execution_id=self.id, symbol=self.symbol, refused=(), closed=ACCOUNTS[:1]
        )
        return [*told, self._stored(self.signal, end)]

    def closed(self) -> Message[PositionClosed]:
        """The venue took profit on the first account."""
        event = PositionClosed(
            **self._named(ACCOUNTS[0]),
            position_id=self.ticket,
            deal_ticket=self.ticket + 5,
            side=Side.SELL,
            volume_lots=lots("0.1"),
            price=price("1.2"),
            commission=money("-0.5"),
            swap=money("-0.1"),
            profit=money("10"),
            reason="take_profit",
            dealt_at_us=self.closed_at_us + 60 * SECOND_US,
        )
        return self._stored(self.signal, event)

    def _by(self, name: str, cause: Message[Any], event: E, at: Position) -> Message[E]:
        sequence = f"{at.offset:016d}.000"
        source = f"processors/{name}/{at.partition}"
        return caused_by(
            cause, event, source=source, sequence=sequence, key=self.symbol, step=f"{name}.0"
        )

    def _stored(self, cause: Message[Any], event: E) -> Message[E]:
        entry_id = next(self._entries)
        return caused_by(
            cause,
            event,
            source=STORE,
            sequence=f"{entry_id:016d}",
            key=key_of(event),
            step=f"story/{entry_id}",
        )

    def _bar(self) -> BarClosed:
        last_seq = self.closing.event.source_seq - 1
        return BarClosed(
            symbol=self.symbol,
            timeframe_s=60,
            opened_at_us=self.closed_at_us - self.bar_ticks * SECOND_US,
            closed_at_us=self.closed_at_us,
            observed_at_us=self.closed_at_us,
            open=1.1,
            high=1.2,
            low=1.0,
            close=1.15,
            bid_close=1.1495,
            ask_close=1.1505,
            spread_mean=0.001,
            tick_count=self.bar_ticks,
            late_ticks=0,
            gap_bars=0,
            first_seq=last_seq - self.bar_ticks + 1,
            last_seq=last_seq,
        )

    def _features(self) -> FeaturesComputed:
        return FeaturesComputed(
            **self._at_close(),
            bars_seen=40,
            close=1.15,
            spread=0.001,
            volatility=0.0002,
            feature_digest=DIGEST,
            values=(0.25, -1.5),
        )

    def _made(self) -> PredictionMade:
        return PredictionMade(
            **self._at_close(),
            horizon_s=300,
            probability_up=0.61,
            confidence=0.9,
            close=1.15,
            spread=0.001,
            volatility=0.0002,
            model="up",
            model_digest=DIGEST,
            feature_digest=DIGEST,
            environment_digest=DIGEST,
        )

    def _at_close(self) -> dict[str, Any]:
        return {
            "symbol": self.symbol,
            "timeframe_s": 60,
            "as_of_us": self.closed_at_us,
            "observed_at_us": self.closed_at_us,
        }

    def _raised(self) -> SignalRaised:
        return SignalRaised(
            signal_id=self.id,
            symbol=self.symbol,
            side=Side.BUY,
            confidence=0.9,
            horizon_s=300,
            raised_at_us=self.closed_at_us,
            expires_at_us=self.closed_at_us + 5 * SECOND_US,
            price_reference=1.1505,
            stop_distance=0.01,
            take_distance=0.02,
            model_digest=DIGEST,
        )

    def _open(self) -> OpenExecution:
        return OpenExecution(
            execution_id=self.id,
            symbol=self.symbol,
            side=Side.BUY,
            confidence=0.9,
            accounts=ACCOUNTS,
            volumes_lots=(lots("0.1"),) * 3,
            left_out=("90009",),
            reasons=("halted",),
        )

    def _named(self, account: str) -> dict[str, str]:
        return {
            "order_id": f"{self.id}/{account}/open",
            "execution_id": self.id,
            "account": account,
            "symbol": self.symbol,
        }

    def _leg(self, account: str, ticket: int) -> list[Event]:
        named = self._named(account)
        accepted = OrderAccepted(
            **named,
            side=Side.BUY,
            volume_lots=lots("0.1"),
            price_reference=price("1.1505"),
            stop_loss=price("1.1405"),
            take_profit=price("1.1705"),
            closes_position=None,
            limits_version=1,
            expires_at_us=self.closed_at_us + 5 * SECOND_US,
        )
        intended = OrderIntended(**named, magic=magic_of(accepted.order_id), attempt=1)
        filled = OrderFilled(
            **named,
            side=Side.BUY,
            volume_lots=lots("0.1"),
            volume_left_lots=lots("0"),
            price=price("1.1506"),
            commission=money("-0.5"),
            profit=money("0"),
            deal_ticket=ticket,
            position_id=ticket,
            dealt_at_us=self.closed_at_us + 40_000,
        )
        return [accepted, intended, filled]


def told(symbol: str = "EURUSD", number: int = 0) -> list[Message[Any]]:
    """The whole of it, as it would be read: ticks, one decision, its execution, the accounts.

    Further numbers are further decisions, behind the first on the tape.
    """
    market = placed(ticks(symbol), number * OFFSETS)
    story = Story(market[-1], 19, entry_id=number * OFFSETS + 100, ticket=number * OFFSETS + 100)
    rest = [*accounts(number * OFFSETS), *story.market(), *story.executed(), story.closed()]
    return [*market, *placed(rest, number * OFFSETS)]


def compensated() -> list[Message[Any]]:
    """The execution alone, when it ended otherwise."""
    story = Story(placed(ticks())[-1], 19)
    return placed([*story.executed()[:-1], *story.reverted()])
