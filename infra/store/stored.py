"""A message as the event store keeps it: Avro, whole, readable without a registry.

The entry's topic is the type's stable name. A saga's journal also holds what it has heard, under a
name of its own (`heard/<Type>`): such entries are never published.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from events.envelope import Envelope, Event, Message
from infra.store.recorders import StoredEvent
from infra.stream import frozen
from schemas import codec

FORMAT = b"\x01"
"""First byte of every entry: the layout of `Stored`. Another layout gets another number."""
HEARD = "heard/"


class Stored(Struct, frozen=True, kw_only=True):
    """An envelope, the key, and the event in the frozen schema of `schema_version`."""

    message_id: str
    source: str
    sequence: str
    time_us: int
    correlation_id: str
    causation_id: str | None
    tenant: str
    actor: str
    key: str
    schema_version: int
    payload: bytes


class Kept(Struct, frozen=True):
    """A message in its stream; `heard` if the stream did not say it but took note of it."""

    message: Message[Any]
    version: int
    heard: bool = False


def entry_of(
    stream: str, version: int, message: Message[Event], heard: bool = False
) -> StoredEvent:
    """The entry of a message at a version of a stream."""
    kind = type(message.event)
    record = Stored(
        **asdict(message.envelope),
        key=message.key,
        schema_version=frozen.version_of(kind),
        payload=codec.encode(message.event),
    )
    name = kind.__name__
    return StoredEvent(
        stream, version, f"{HEARD}{name}" if heard else name, FORMAT + codec.encode(record)
    )


def kept(entry: StoredEvent) -> Kept:
    """The message in an entry; `codec.Undecodable` if it is not one of ours."""
    state = entry.state
    if state[:1] != FORMAT:
        raise codec.Undecodable(f"{_place(entry)}: format {state[:1].hex()}, not {FORMAT.hex()}")
    stored = codec.decode_as(Stored, state[1:])
    name = str(entry.topic).removeprefix(HEARD)
    event = codec.decode(name, stored.payload, frozen.writer_of(name, stored.schema_version))
    fields = asdict(stored)
    envelope = Envelope(**{name: fields[name] for name in Envelope.__struct_fields__})
    return Kept(Message(event, stored.key, envelope), _version(entry), is_heard(entry))


def is_heard(entry: StoredEvent) -> bool:
    """Whether the entry is a note of a message from elsewhere."""
    return str(entry.topic).startswith(HEARD)


def _version(entry: StoredEvent) -> int:
    return int(entry.originator_version)


def _place(entry: StoredEvent) -> str:
    return f"{entry.originator_id}@{entry.originator_version}"
