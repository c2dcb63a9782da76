"""What people have ruled about records that could not be used, as the event store has it."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from commands.letters import LETTERS, LetterEvent
from events.envelope import Message
from events.letters import LetterReleased, letter_of
from infra.store.postgres import Connection
from infra.store.recorders import EVENTS_TABLE, StoredEvent
from infra.store.stored import kept
from infra.stream.wire import Record


class Ruling(Struct, frozen=True):
    """The latest word about a record: the `version` of its stream, and the message."""

    version: int
    message: Message[LetterEvent]

    def instead(self, record: Record) -> tuple[Record, ...]:
        """What is to be read in the record's place: another record, or nothing."""
        event = self.message.event
        if not isinstance(event, LetterReleased):
            return ()
        headers = tuple(zip(event.header_names, event.header_values, strict=True))
        return (replace(record, key=event.key, value=event.value, headers=headers),)


class Rulings:
    """The rulings, asked for where a record cannot be used; `held` is where none has helped."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._held: dict[str, int] = {}

    def instead(self, record: Record) -> tuple[Record, ...] | None:
        """What is to be read in the record's place; None if nobody has ruled."""
        letter = letter_of(record.topic, record.partition, record.offset)
        ruling = latest(self._connection, letter)
        self._held[letter] = 0 if ruling is None else ruling.version
        return None if ruling is None else ruling.instead(record)

    def anew(self) -> bool:
        """Whether there is a ruling now that was not there when it was asked for."""
        return any(
            (ruling := latest(self._connection, letter)) is not None and ruling.version > version
            for letter, version in self._held.items()
        )


def latest(connection: Connection, letter: str) -> Ruling | None:
    """The ruling in force about a letter; None if there is none."""
    stream = f"{LETTERS.name}:{letter}"
    select = f"""
        select originator_version, topic, state from {EVENTS_TABLE}
        where originator_id = %s order by originator_version desc limit 1
    """
    # A store that nobody has decided in yet has no table. A failed query would end a transaction.
    known = connection.execute("select to_regclass(%s)", (EVENTS_TABLE,)).fetchone()
    if known == (None,):
        return None
    row: tuple[Any, ...] | None = connection.execute(select.encode(), (stream,)).fetchone()
    if row is None:
        return None
    version, topic, state = row
    return Ruling(version, kept(StoredEvent(stream, version, topic, bytes(state))).message)
