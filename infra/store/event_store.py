"""The record of decisions: streams with an expected version, and the log that the relay follows.

A command is decided here: load its stream, fold it, decide, append. Whoever finds that another
process was faster reads again and decides again, a few times; a command that has already been
decided is recognised by the causes of what is stored, and gives the same answer again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from commands.decider import Decider
from events.envelope import Event, Message, caused_by, named
from infra.store.offsets import EVENT_STORE
from infra.store.recorders import (
    NOTHING,
    Conflict,
    Effects,
    Recorder,
    StoredEvent,
    Versions,
    open_recorder,
)
from infra.store.stored import Kept, entry_of, is_heard, kept
from schemas.catalog import key_of

ATTEMPTS_MAX = 4
STREAMS_REMEMBERED_MAX = 10_000
RECENT_MAX = 16
EVENTS_MAX = 4
"""More than any decider makes of one command."""

Work = tuple[Decider[Any, Any, Any], Message[Any]]


@dataclass(frozen=True, slots=True)
class Logged:
    """One entry of the log; no message where it is a saga's note of what it heard."""

    id: int
    message: Message[Any] | None


@dataclass(frozen=True, slots=True)
class Stream:
    """What is known of an aggregate: its version, its state, and its latest messages."""

    version: int
    state: Any
    recent: tuple[Message[Any], ...] = ()


class EventStore:
    """Streams of messages over a recorder. Remembers what it has folded, as facts do not change."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._known: OrderedDict[str, Stream] = OrderedDict()

    @staticmethod
    def open(conninfo: str) -> EventStore:
        """The store of a copy; its tables are made if they are missing."""
        return EventStore(open_recorder(conninfo))

    def close(self) -> None:
        """Give the connections back."""
        self._recorder.close()

    def __enter__(self) -> EventStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def load(self, stream: str) -> tuple[int, tuple[Message[Any], ...]]:
        """The version of a stream (0: it does not exist) and all its messages."""
        journal = self.journals({stream: 0})[stream]
        return len(journal), tuple(each.message for each in journal)

    def state(self, decider: Decider[Any, Any, Any], identity: str) -> Any:
        """The state of an aggregate, as its stream has it now."""
        stream = f"{decider.name}:{identity}"
        streams = self._streams({stream: decider}, reading=True)
        self._remember(streams)
        return streams[stream].state

    def journals(self, versions: Versions) -> dict[str, list[Kept]]:
        """What several streams said and heard beyond these versions."""
        found: dict[str, list[Kept]] = {stream: [] for stream in versions}
        for entry in self._recorder.streams_after(versions):
            found[str(entry.originator_id)].append(kept(entry))
        return found

    def append(
        self,
        stream: str,
        expected_version: int,
        messages: Sequence[Message[Any]],
        effects: Effects = NOTHING,
    ) -> None:
        """Add messages to a stream; `Conflict` unless it is at `expected_version`.

        A stream that already holds exactly these messages there is as wanted: an answer was lost.
        """
        entries = [entry_of(stream, v, m) for v, m in enumerate(messages, expected_version + 1)]
        try:
            self._recorder.insert(entries, effects)
        except Conflict:
            there = self._recorder.streams_after({stream: expected_version})[: len(entries)]
            if effects.steps or _ids(there) != _ids(entries):
                raise

    def insert(
        self,
        entries: Sequence[StoredEvent],
        effects: Effects = NOTHING,
        work: Sequence[Work] = (),
        reading: bool = False,
    ) -> list[tuple[Message[Any], ...]]:
        """Entries of several streams, what these commands decide, and effects: all or nothing.

        Decided on what is remembered, unless `reading`: where that is old, the version to be
        written is taken, and `Conflict` tells. A stream to which nothing would be written is read,
        as nothing else would find that out.
        """
        batch = self._decide(work, reading)
        if not reading and not batch.writes_to_all:
            batch = self._decide(work, reading=True)
        self._recorder.insert([*entries, *batch.entries], effects)
        self._remember(batch.streams)
        return batch.answers

    def handle(
        self, decider: Decider[Any, Any, Any], command: Message[Any]
    ) -> tuple[Message[Any], ...]:
        """What the command decided, now or before; `Conflict` if others keep winning."""
        return self.handle_all([(decider, command)])[0]

    def handle_all(
        self, work: Sequence[Work], effects: Effects = NOTHING
    ) -> list[tuple[Message[Any], ...]]:
        """Decide commands in order, in one transaction with `effects`; again if others are faster.

        `Conflict` if they keep winning.
        """
        for attempt in range(1, ATTEMPTS_MAX):
            try:
                return self.insert((), effects, work, reading=attempt > 1)
            except Conflict:
                continue
        return self.insert((), effects, work, reading=True)

    def heard(self, decider: Decider[Any, Any, Any], first: Message[Any]) -> None:
        """The tape has told how a stream begins: deciding on it need not read that again."""
        stream = stream_of(decider, first.event)
        if stream not in self._known:
            self._remember({stream: Stream(1, decider.evolve(decider.initial, first.event))})

    def after(self, entry_id: int, limit: int) -> list[Logged]:
        """The log beyond an entry, in order of commit, numbered for readers."""
        return [
            Logged(entry.id, None if is_heard(entry) else _numbered(kept(entry).message, entry.id))
            for entry in self._recorder.log_after(entry_id, limit)
        ]

    def last_id(self) -> int:
        """Id of the latest entry of the log; 0 if it is empty."""
        return self._recorder.last_id()

    def _decide(self, work: Sequence[Work], reading: bool) -> _Batch:
        addressed = [
            (stream_of(decider, command.event), decider, command) for decider, command in work
        ]
        deciders = {stream: decider for stream, decider, _ in addressed}
        batch = _Batch(self._streams(deciders, reading), [], [])
        for stream, decider, command in addressed:
            batch.decide(stream, decider, command)
        return batch

    def _streams(
        self, deciders: Mapping[str, Decider[Any, Any, Any]], reading: bool
    ) -> dict[str, Stream]:
        streams = {
            stream: self._known.get(stream) or Stream(0, decider.initial)
            for stream, decider in deciders.items()
        }
        versions = {stream: known.version for stream, known in streams.items()}
        for entry in self._recorder.streams_after(versions) if reading else ():
            stream = str(entry.originator_id)
            streams[stream] = _grown(deciders[stream], streams[stream], kept(entry).message)
        return streams

    def _remember(self, streams: dict[str, Stream]) -> None:
        for stream, known in streams.items():
            self._known[stream] = known
            self._known.move_to_end(stream)
        while len(self._known) > STREAMS_REMEMBERED_MAX:
            self._known.popitem(last=False)


@dataclass(slots=True)
class _Batch:
    """Commands decided one after the other, each on the state that the one before left."""

    streams: dict[str, Stream]
    entries: list[StoredEvent]
    answers: list[tuple[Message[Any], ...]]

    @property
    def writes_to_all(self) -> bool:
        """Whether every stream gets an entry: its version proves that the state was right."""
        return {str(entry.originator_id) for entry in self.entries} == self.streams.keys()

    def decide(self, stream: str, decider: Decider[Any, Any, Any], command: Message[Any]) -> None:
        known = self.streams[stream]
        names = _names(decider, command)
        before = tuple(m for m in known.recent if m.envelope.message_id in names)
        answer = before or _answer(decider, command, known.state)
        self.answers.append(answer)
        if before:
            return
        for message in answer:
            self.entries.append(entry_of(stream, known.version + 1, message))
            known = _grown(decider, known, message)
        self.streams[stream] = known


def stream_of(decider: Decider[Any, Any, Any], command: Event) -> str:
    """The stream of the aggregate that a command is for."""
    return f"{decider.name}:{decider.stream(command)}"


def _answer(
    decider: Decider[Any, Any, Any], command: Message[Any], state: Any
) -> tuple[Message[Any], ...]:
    decided = enumerate(decider.decide(command.event, state))
    return tuple(_message(decider, command, event, number) for number, event in decided)


def _message(
    decider: Decider[Any, Any, Any], command: Message[Any], event: Event, number: int
) -> Message[Any]:
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


def _names(decider: Decider[Any, Any, Any], command: Message[Any]) -> frozenset[str]:
    """The ids of whatever the command may have decided before."""
    cause = UUID(command.envelope.message_id).bytes
    return frozenset(named(cause, _step(decider, number)) for number in range(EVENTS_MAX))


def _step(decider: Decider[Any, Any, Any], number: int) -> str:
    return f"{decider.name}/{number}"


def _grown(decider: Decider[Any, Any, Any], known: Stream, message: Message[Any]) -> Stream:
    recent = (*known.recent, message)[-RECENT_MAX:]
    return Stream(known.version + 1, decider.evolve(known.state, message.event), recent)


def _numbered(message: Message[Any], entry_id: int) -> Message[Any]:
    envelope = replace(message.envelope, source=EVENT_STORE, sequence=f"{entry_id:016d}")
    return replace(message, envelope=envelope)


def _ids(entries: Sequence[StoredEvent]) -> list[str]:
    return [kept(entry).message.envelope.message_id for entry in entries]
