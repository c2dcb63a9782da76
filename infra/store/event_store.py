"""The record of decisions: streams with an expected version, and the log that the relay follows.

A command is decided here: load its stream, fold it, decide, append. Whoever finds that another
process was faster reads again and decides again, a few times; a command that has already been
decided is recognised by the causes of what is stored, and gives the same answer again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from msgspec.structs import replace

from events.envelope import Message
from infra.store.draft import Answer, AnyDecider, Draft, Stream, Work, stream_of
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
from infra.stream.identity import EVENT_STORE

ATTEMPTS_MAX = 4
STREAMS_REMEMBERED_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Logged:
    """One entry of the log; no message where it is a saga's note of what it heard."""

    id: int
    message: Message[Any] | None


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

    def state(self, decider: AnyDecider, identity: str) -> Any:
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

    def draft(self, reading: bool = False) -> Draft:
        """For commands to be decided, on what is remembered; `reading` what others have added."""
        return Draft(partial(self._streams, reading=reading))

    def write(
        self, draft: Draft, entries: Sequence[StoredEvent] = (), effects: Effects = NOTHING
    ) -> None:
        """What was decided, further entries before it, and effects: all or nothing.

        `Conflict` if a version is taken, as what was remembered is old.
        """
        self._recorder.insert([*entries, *draft.entries], effects)
        self._remember(draft.streams)

    def handle(self, decider: AnyDecider, command: Message[Any]) -> Answer:
        """What the command decided, now or before; `Conflict` if others keep winning."""
        return self.handle_all([(decider, command)])[0]

    def handle_all(self, work: Sequence[Work], effects: Effects = NOTHING) -> list[Answer]:
        """Decide commands in order, in one transaction with `effects`.

        Again if others were faster, and `Conflict` if they keep winning.
        """
        for attempt in range(1, ATTEMPTS_MAX + 1):
            draft = self.draft(reading=attempt > 1)
            answers = draft.decide(work)
            if attempt == 1 and not draft.proven:
                draft = self.draft(reading=True)
                answers = draft.decide(work)
            try:
                self.write(draft, (), effects)
            except Conflict:
                if attempt == ATTEMPTS_MAX:
                    raise
            else:
                break
        return answers

    def heard(self, decider: AnyDecider, first: Message[Any]) -> None:
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

    def _streams(self, deciders: Mapping[str, AnyDecider], reading: bool) -> dict[str, Stream]:
        streams = {
            stream: self._known.get(stream) or Stream(0, decider.initial)
            for stream, decider in deciders.items()
        }
        versions = {stream: known.version for stream, known in streams.items()}
        for entry in self._recorder.streams_after(versions) if reading else ():
            stream = str(entry.originator_id)
            streams[stream] = streams[stream].grown(deciders[stream], kept(entry).message)
        return streams

    def _remember(self, streams: dict[str, Stream]) -> None:
        for stream, known in streams.items():
            self._known[stream] = known
            self._known.move_to_end(stream)
        while len(self._known) > STREAMS_REMEMBERED_MAX:
            self._known.popitem(last=False)


def _numbered(message: Message[Any], entry_id: int) -> Message[Any]:
    envelope = replace(message.envelope, source=EVENT_STORE, sequence=f"{entry_id:016d}")
    return replace(message, envelope=envelope)


def _ids(entries: Sequence[StoredEvent]) -> list[str]:
    return [kept(entry).message.envelope.message_id for entry in entries]
