"""One grammar for the four shapes: given what happened, when this comes, then that follows.

    given(ORDERS, accepted).when(intent).then(intended)
    given(ORDER_EXECUTION, *context, signal).then(open_execution, *requests)
    given(BARS, *ticks).when(tick).then(bar)
    given(ORDER_TABLE, *messages).then(dsn, "select status from orders", ("filled",))

Each `then` asks more than it is told: a decider decides again and must say nothing, a saga is asked
again, a processor is fed once more through snapshots, a projection also gets its messages one by
one; and the answer must be the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, overload

import msgspec

from commands.decider import Decider
from events.envelope import Event, Message
from infra.store import postgres, read_models
from infra.store.rows import BatchRows
from processors.processor import Processor
from projections.projection import Projection
from sagas.saga import Saga


@overload
def given(shape: Decider[Any, Any, Any], *past: Any) -> GivenDecider: ...
@overload
def given(shape: Saga[Any, Any, Any], *past: Any) -> GivenSaga: ...
@overload
def given(shape: Processor[Any, Any, Any], *past: Any) -> GivenProcessor: ...
@overload
def given(shape: Projection, *past: Message[Any]) -> GivenProjection: ...
def given(shape: Any, *past: Any) -> Any:
    """What has happened before."""
    match shape:
        case Decider():
            return GivenDecider(shape, past)
        case Saga():
            return GivenSaga(shape, past)
        case Processor():
            return GivenProcessor(shape, past)
        case Projection():
            return GivenProjection(shape, past)
        case _:
            raise TypeError(f"{type(shape).__name__} is none of the four shapes")


@dataclass(frozen=True)
class GivenDecider:
    """Events of one stream."""

    shape: Decider[Any, Any, Any]
    past: tuple[Event, ...]
    commands: tuple[Event, ...] = ()

    def when(self, *commands: Event) -> GivenDecider:
        """Commands that are decided one after the other."""
        return GivenDecider(self.shape, self.past, commands)

    def then(self, *expected: Event) -> None:
        """These events are decided; and after its own decisions a command decides nothing."""
        state = self.shape.fold(self.past)
        decided: list[Event] = []
        for command in self.commands:
            events = self.shape.decide(command, state)
            assert self.shape.decide(command, state) == events
            state = reduce(self.shape.evolve, events, state)
            assert self.shape.decide(command, state) == ()
            decided += events
        assert tuple(decided) == expected


@dataclass(frozen=True)
class GivenSaga:
    """Events that one instance has heard."""

    shape: Saga[Any, Any, Any]
    past: tuple[Event, ...]

    @property
    def state(self) -> Any:
        """What the instance remembers."""
        return reduce(self.shape.evolve, self.past, self.shape.initial)

    def then(self, *expected: Event) -> None:
        """These commands are missing, however often it is asked."""
        state = self.state
        assert self.shape.next(state) == expected
        assert self.shape.next(state) == expected
        assert self.shape.next(self.state) == expected


@dataclass(frozen=True)
class GivenProcessor:
    """Events of one key."""

    shape: Processor[Any, Any, Any]
    past: tuple[Event, ...]
    present: tuple[Event, ...] = ()

    def when(self, *events: Event) -> GivenProcessor:
        """Events that come now."""
        return GivenProcessor(self.shape, self.past, events)

    def then(self, *expected: Event) -> None:
        """These events come out; also when the state is written and read between any two steps."""
        assert self._outputs(snapshots=False) == expected
        assert self._outputs(snapshots=True) == expected

    def _outputs(self, snapshots: bool) -> tuple[Event, ...]:
        state, outputs = self.shape.initial, []
        for event in (*self.past, *self.present):
            state, events = self.shape.step(state, event)
            if snapshots:
                kept = msgspec.msgpack.encode(state)
                state = msgspec.msgpack.decode(kept, type=self.shape.state)
            outputs.append(events)
        return tuple(event for events in outputs[len(self.past) :] for event in events)


@dataclass(frozen=True)
class GivenProjection:
    """Messages, in the order of the tape."""

    shape: Projection
    past: tuple[Message[Any], ...]

    def then(self, dsn: str, query: str, *expected: tuple[Any, ...]) -> None:
        """The query on a real Postgres gives these rows; whether folded at once or one by one."""
        assert self._rows(dsn, "at-once", [self.past], query) == list(expected)
        each = [(message,) for message in self.past]
        assert self._rows(dsn, "one-by-one", each, query) == list(expected)

    def _rows(
        self, dsn: str, namespace: str, batches: Sequence[Sequence[Message[Any]]], query: str
    ) -> list[tuple[Any, ...]]:
        conninfo = postgres.address(dsn, namespace)
        read_models.prepare(conninfo, (self.shape,))
        with postgres.connect(conninfo) as connection:
            for batch in batches:
                rows = BatchRows()
                for message in batch:
                    self.shape.apply(rows, message)
                with connection.pipeline(), connection.transaction(), connection.cursor() as cursor:
                    read_models.enter(cursor, conninfo, self.shape)
                    rows.send(cursor)
            with connection.transaction(), connection.cursor() as cursor:
                read_models.enter(cursor, conninfo, self.shape)
                return cursor.execute(query.encode()).fetchall()
