"""A whole world in memory: saga, deciders, relay and a venue, stepped one delivery at a time.

Deliveries of one key stay in order; which key comes next, and where a process dies, is the test's
choice. A process that dies loses its memory and gets its last message again.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from commands import DECIDER_OF
from commands.order_life import ORDERS
from commands.orders import (
    OrderCommand,
    RecordFill,
    RecordNotExecuted,
    RecordPositionClosed,
    RecordReject,
    RecordUnknown,
)
from events.envelope import Event, Message
from events.orders import OrderAccepted, OrderIntended
from infra.run.commands import is_open
from infra.run.hearing import Instance, answered, hears, remembered, speaks, unborn, written
from infra.store.event_store import EventStore
from infra.store.recorders import MemoryRecorder
from sagas.order_execution import ORDER_EXECUTION
from schemas.catalog import topic_of
from tests.orders import SIGNAL_ID, closed, fill, intent, limits, opened, reported, said, signal

Place = tuple[str, str]
Venue = Callable[[OrderAccepted], tuple[OrderCommand, ...]]


def fills(order: OrderAccepted) -> tuple[OrderCommand, ...]:
    """At once, in one deal."""
    return (_deal(order, order.volume_lots),)


def fills_in_two(order: OrderAccepted) -> tuple[OrderCommand, ...]:
    """In two deals that are found one after the other."""
    first = order.volume_lots - Decimal("0.01")
    return (_deal(order, first), _deal(order, Decimal("0.01"), 2))


def fills_in_part(order: OrderAccepted) -> tuple[OrderCommand, ...]:
    """A part, and the rest never."""
    return (_deal(order, Decimal("0.01"), left=order.volume_lots - Decimal("0.01")),)


def rejects(order: OrderAccepted) -> tuple[OrderCommand, ...]:
    """No money."""
    return (RecordReject(order_id=order.order_id, retcode=10_019, detail="no money"),)


def loses_the_answer(order: OrderAccepted) -> tuple[OrderCommand, ...]:
    """It was dealt, and nobody said so at first."""
    return (_unknown(order), *fills(order))


def was_never_asked(order: OrderAccepted) -> tuple[OrderCommand, ...]:
    """The question was lost, which takes time to prove."""
    absent = RecordNotExecuted(order_id=order.order_id, evidence="absent twice")
    return (_unknown(order), absent)


def rejects_and_fills(order: OrderAccepted) -> tuple[OrderCommand, ...]:
    """First it says no, and then there is a deal."""
    return (*rejects(order), *fills(order))


def stops_out(order: OrderAccepted) -> tuple[OrderCommand, ...]:
    """It fills, and the price runs to the stop at once."""
    return (*fills(order), closed(order.order_id, str(order.volume_lots), _ticket(order, 9)))


VENUES: tuple[Venue, ...] = (
    fills,
    fills_in_two,
    fills_in_part,
    rejects,
    loses_the_answer,
    was_never_asked,
    rejects_and_fills,
    stops_out,
)


@dataclass
class World:
    """Two accounts, each at a venue that behaves in one way; closes behave in `closing`'s way."""

    opening: dict[str, Venue]
    closing: Venue = fills
    store: EventStore = field(default_factory=lambda: EventStore(MemoryRecorder()))
    saga: Instance = field(default_factory=lambda: unborn(ORDER_EXECUTION, SIGNAL_ID))
    queues: dict[Place, deque[Message[Any]]] = field(default_factory=lambda: defaultdict(deque))
    published: int = 0
    held_lots: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    """What each account really holds at its venue."""

    def __post_init__(self) -> None:
        facts = [f(a) for a in sorted(self.opening) for f in (opened, limits, reported)]
        self.context = [said(fact, number) for number, fact in enumerate(facts)]
        self.hear(said(signal()))
        self.publish()

    def deliver(self, choice: int, dies: bool = False) -> bool:
        """One message to its reader, twice if that dies of it; False if there is none left."""
        waiting = [place for place, queue in self.queues.items() if queue]
        if not waiting:
            return False
        place = waiting[choice % len(waiting)]
        message = self.queues[place].popleft()
        self._read(place[0], message)
        if dies:
            self.forget()
            self._read(place[0], message)
        self.publish()
        return True

    def forget(self) -> None:
        """Every process starts again from what is stored."""
        before = self.saga
        journal = self.store.journals({before.stream: 0})[before.stream]
        self.saga = remembered(ORDER_EXECUTION, unborn(ORDER_EXECUTION, SIGNAL_ID), journal)
        assert self.saga == before
        assert speaks(ORDER_EXECUTION, self.saga) == self.saga

    def hear(self, message: Message[Any]) -> None:
        """The saga takes note and says what it finds missing, which is decided with it."""
        draft = self.store.draft(reading=True)
        heard = hears(ORDER_EXECUTION, self.saga, message, self.context)
        heard = answered(ORDER_EXECUTION, heard, draft)
        self.store.write(draft, heard.entries)
        self.saga = written(heard)

    def publish(self) -> None:
        """The relay: every reader has its own queue per key."""
        for logged in self.store.after(self.published, 1_000):
            self.published = logged.id
            if logged.message is not None:
                for reader in _readers(logged.message.event):
                    self.queues[reader, logged.message.key].append(logged.message)

    def log(self) -> list[Event]:
        """Everything that was said, in order."""
        return [logged.message.event for logged in self.store.after(0, 10_000) if logged.message]

    def _read(self, reader: str, message: Message[Any]) -> None:
        match reader:
            case "saga":
                self.hear(message)
            case "gateway":
                self._send(message)
            case _ if is_open(message):
                self.store.handle(DECIDER_OF[type(message.event)], message)
            case _:
                pass  # decided where it was said

    def _send(self, message: Message[OrderAccepted]) -> None:
        order = message.event
        source = f"gateway/{order.order_id}"
        _, journal = self.store.load(f"orders:{order.order_id}")
        if any(isinstance(m.event, OrderIntended) for m in journal):
            return
        self.store.handle(ORDERS, said(intent(order.order_id), 0, source))
        for number, answer in enumerate(self._answers(order), 1):
            self.queues["venue", order.order_id].append(said(answer, number, source))

    def _answers(self, order: OrderAccepted) -> tuple[OrderCommand, ...]:
        """What the venue does, at once, and will tell bit by bit."""
        opens = order.closes_position is None
        if not opens and self.held_lots[order.account] < order.volume_lots:
            return rejects(order)
        answers = (self.opening[order.account] if opens else self.closing)(order)
        for answer in answers:
            if isinstance(answer, RecordFill):
                self.held_lots[order.account] += answer.volume_lots * (1 if opens else -1)
            elif isinstance(answer, RecordPositionClosed):
                self.held_lots[order.account] -= answer.volume_lots
        return answers


def commands_of(world: World) -> Iterator[Event]:
    """What the saga has commanded, in order."""
    for kept in world.store.journals({world.saga.stream: 0})[world.saga.stream]:
        if not kept.heard:
            yield kept.message.event


def _readers(event: Event) -> tuple[str, ...]:
    if topic_of(type(event)).name.endswith("-commands"):
        return ("deciders",)
    if isinstance(event, OrderAccepted):
        return ("saga", "gateway")
    return ("saga",) if type(event) in ORDER_EXECUTION.reads else ()


def _deal(
    order: OrderAccepted, volume: Decimal, number: int = 1, left: Decimal = Decimal(0)
) -> RecordFill:
    return fill(order.order_id, str(volume), str(left), _ticket(order, number))


def _ticket(order: OrderAccepted, number: int) -> int:
    return int.from_bytes(order.order_id.encode()[-6:], "big") * 10 + number


def _unknown(order: OrderAccepted) -> RecordUnknown:
    return RecordUnknown(order_id=order.order_id, detail="no answer")
