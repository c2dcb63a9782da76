"""A record that nobody could use, made whole: read as it was meant, written as of today."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import fields

from events.envelope import Event, Message
from infra.stream import frozen, wire
from infra.stream.wire import FRAME_BYTES, MAGIC, Ids, Outgoing, Record, Unreadable
from schemas import codec
from schemas.catalog import TYPES, Topic, key_of
from schemas.derive import decimal_of, optional


class Unrepairable(ValueError):
    """The record is not whole with what was given; the text says what is missing."""


class Mending(Struct, frozen=True):
    """What a person gives: a frozen version that the bytes are in, or a type; fields; headers."""

    written_as: str = ""
    fields: Mapping[str, str] = {}
    headers: Mapping[str, str] = {}


def repaired(record: Record, mending: Mending, topic: Topic, ids: Ids) -> Outgoing:
    """The record as it is to be read, in the newest schema; `Unrepairable` says what it lacks."""
    try:
        event = _with(*_meant(record, mending.written_as, ids), mending.fields)
        headers = {**dict(record.headers), **{n: v.encode() for n, v in mending.headers.items()}}
        envelope = wire.envelope_of(tuple(headers.items()))
        _belongs(event, record, topic)
        outgoing = wire.write(Message(event, key_of(event), envelope), ids)
        whole = msgspec.structs.replace(
            record, key=outgoing.key, value=outgoing.value, headers=outgoing.headers
        )
        wire.read(whole, ids)
    except (ValueError, LookupError, TypeError) as wrong:
        raise Unrepairable(f"{type(wrong).__name__}: {wrong}") from wrong
    return outgoing


def _meant(record: Record, written_as: str, ids: Ids) -> tuple[type[Event], dict[str, Any]]:
    """The class and the fields in the bytes; no fields where a type without a version is given."""
    if not written_as:
        event = wire.event_of(record, ids)
        return type(event), msgspec.to_builtins(event)
    name, _, version = written_as.partition(".v")
    if name not in TYPES:
        raise Unreadable(f"{name} is not a type of this tape")
    if not version:
        return TYPES[name], {}
    value = record.value or b""
    payload = value[FRAME_BYTES:] if value[:1] == bytes([MAGIC]) else value
    event = codec.decode(name, payload, frozen.writer_of(name, int(version)))
    return type(event), msgspec.to_builtins(event)


def _with(kind: type[Event], known: Mapping[str, Any], given: Mapping[str, str]) -> Event:
    """The event with the fields that a person has typed: as JSON, or as plain text."""
    hints = {field.name: field.type for field in fields(kind)}
    if unknown := sorted(given.keys() - hints.keys()):
        raise Unreadable(f"{kind.__name__} has no field {', '.join(unknown)}")
    typed = {name: _typed(text, hints[name]) for name, text in given.items()}
    return msgspec.convert({**known, **typed}, kind)


def _typed(text: str, hint: Any) -> Any:
    if decimal_of(optional(hint) or hint) is not None and text != "null":
        return text  # a float would not have its scale
    try:
        return json.loads(text)
    except ValueError:
        return text


def _belongs(event: Event, record: Record, topic: Topic) -> None:
    if type(event) not in topic.carries:
        raise Unreadable(f"{type(event).__name__} does not belong on {topic.name}")
    key = key_of(event).encode()
    if record.key and record.key != key:
        raise Unreadable(
            f"{topic.key} is {key!r} and the record's key is {record.key!r}: order is kept per key"
        )
