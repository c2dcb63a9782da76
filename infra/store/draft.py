"""Commands being decided, each on the state that the one before left; nothing is written yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from commands.decider import Decider
from events.envelope import Event, Message, caused_by, named
from infra.store.recorders import StoredEvent
from infra.store.stored import entry_of
from infra.stream.identity import EVENT_STORE
from schemas.catalog import key_of

RECENT_MAX = 16
EVENTS_MAX = 4
"""More than any decider makes of one command."""

AnyDecider = Decider[Any, Any, Any]
Work = tuple[AnyDecider, Message[Any]]
Answer = tuple[Message[Any], ...]


@dataclass(frozen=True, slots=True)
class Stream:
    """What is known of an aggregate: its version, its state, and its latest messages."""

    version: int
    state: Any
    recent: Answer = ()

    def grown(self, decider: AnyDecider, message: Message[Any]) -> Stream:
        """The stream with one message more."""
        recent = (*self.recent, message)[-RECENT_MAX:]
        return Stream(self.version + 1, decider.evolve(self.state, message.event), recent)


@dataclass(slots=True)
class Draft:
    """What is to be written: the streams as they would be, and their new entries.

    `find` gives streams as they are, by their names and deciders.
    """

    find: Callable[[Mapping[str, AnyDecider]], Mapping[str, Stream]]
    streams: dict[str, Stream] = field(default_factory=dict)
    entries: list[StoredEvent] = field(default_factory=list)

    @property
    def proven(self) -> bool:
        """Whether every stream gets an entry: writing its version proves that its state was right.
        Of another nobody would find out that it was old."""
        return {str(entry.originator_id) for entry in self.entries} == self.streams.keys()

    def decide(self, work: Sequence[Work]) -> list[Answer]:
        """What each command decided, now or before."""
        addressed = [
            (stream_of(decider, command.event), decider, command) for decider, command in work
        ]
        missing = {
            stream: decider for stream, decider, _ in addressed if stream not in self.streams
        }
        if missing:
            self.streams.update(self.find(missing))
        return [self._decided(*each) for each in addressed]

    def _decided(self, stream: str, decider: AnyDecider, command: Message[Any]) -> Answer:
        known = self.streams[stream]
        names = _names(decider, command)
        if before := tuple(m for m in known.recent if m.envelope.message_id in names):
            return before
        answer = _answer(decider, command, known.state)
        for message in answer:
            self.entries.append(entry_of(stream, known.version + 1, message))
            known = known.grown(decider, message)
        self.streams[stream] = known
        return answer


def stream_of(decider: AnyDecider, command: Event) -> str:
    """The stream of the aggregate that a command is for."""
    return f"{decider.name}:{decider.stream(command)}"


def _answer(decider: AnyDecider, command: Message[Any], state: Any) -> Answer:
    decided = enumerate(decider.decide(command.event, state))
    return tuple(_message(decider, command, event, number) for number, event in decided)


def _message(decider: AnyDecider, command: Message[Any], event: Event, number: int) -> Message[Any]:
    """An event of the command. Its cause is what is on the tape: the command, or the command's own.

    What a saga says is on the tape, or comes there from the log. A gateway decides its commands in
    its own process; nobody could look them up.
    """
    step = _step(decider, number)
    message = caused_by(
        command, event, source=EVENT_STORE, sequence="", key=key_of(event), step=step
    )
    if command.position is not None or command.envelope.source == EVENT_STORE:
        return message
    cause = command.envelope.causation_id
    return replace(message, envelope=replace(message.envelope, causation_id=cause))


def _names(decider: AnyDecider, command: Message[Any]) -> frozenset[str]:
    """The ids of whatever the command may have decided before."""
    cause = UUID(command.envelope.message_id).bytes
    return frozenset(named(cause, _step(decider, number)) for number in range(EVENTS_MAX))


def _step(decider: AnyDecider, number: int) -> str:
    return f"{decider.name}/{number}"
