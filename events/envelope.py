"""What every message carries: the fact itself, who caused it, and where it stands on the tape."""

from __future__ import annotations

from hashlib import sha1
from typing import Generic, TypeVar
from uuid import UUID

from msgspec import Struct

TAPE = UUID("6f2d1c3e-8f5b-5d5c-9f57-0b4a7e1f9a10")
"""Namespace of every identifier that is not caused by another message."""


class Event(Struct, frozen=True, kw_only=True):
    """Something that became true. Subclasses are the tape's vocabulary."""


E = TypeVar("E", bound=Event)
E_co = TypeVar("E_co", bound=Event, covariant=True)


class Position(Struct, frozen=True, order=True):
    """A place on the tape: one record of one partition of one topic."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


class Envelope(Struct, frozen=True, kw_only=True):
    """Identity and causes of a message; CloudEvents attributes on the wire.

    `sequence` grows strictly per (`source`, key): a reader that remembers the highest one it has
    seen recognises every repeat. `time_us` is event time (UTC microseconds) and is inherited from
    the cause, so that a replay writes the same bytes.
    """

    message_id: str
    source: str
    sequence: str
    time_us: int
    correlation_id: str
    causation_id: str | None = None
    tenant: str = "default"
    actor: str = "system"

    @property
    def traceparent(self) -> str:
        """W3C trace context: the correlation is the trace, the message is the span."""
        trace = self.correlation_id.replace("-", "")
        span = self.message_id.replace("-", "")[:16]
        return f"00-{trace}-{span}-01"


class Message(Struct, Generic[E_co], frozen=True):
    """An event in its envelope; `position` is known once it has been read from the tape."""

    event: E_co
    key: str
    envelope: Envelope
    position: Position | None = None


def first_cause(
    event: E, *, source: str, sequence: str, key: str, time_us: int, actor: str = "system"
) -> Message[E]:
    """A message that nothing on the tape caused: a tick, an operator's command."""
    message_id = named(TAPE.bytes, f"{source}|{key}|{sequence}")
    envelope = Envelope(
        message_id=message_id,
        source=source,
        sequence=sequence,
        time_us=time_us,
        correlation_id=message_id,
        actor=actor,
    )
    return Message(event, key, envelope)


def caused_by(
    cause: Message[Event],
    event: E,
    *,
    source: str,
    sequence: str,
    key: str,
    step: str,
    actor: str | None = None,
) -> Message[E]:
    """A message that follows from `cause`; `step` names which of its consequences it is.

    The same cause and step give the same identifier, so a repeat is recognisable everywhere.
    """
    before = cause.envelope
    envelope = Envelope(
        message_id=named(bytes.fromhex(before.message_id.replace("-", "")), step),
        source=source,
        sequence=sequence,
        time_us=before.time_us,
        correlation_id=before.correlation_id,
        causation_id=before.message_id,
        tenant=before.tenant,
        actor=actor or before.actor,
    )
    return Message(event, key, envelope)


def named(namespace: bytes, name: str) -> str:
    """The text of `uuid.uuid5`, made without the object: every tick of the tape passes here."""
    digits = sha1(namespace + name.encode(), usedforsecurity=False).hexdigest()
    variant = _VARIANT[digits[16]]
    return f"{digits[:8]}-{digits[8:12]}-5{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:32]}"


_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
