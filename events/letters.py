"""What could not be read or processed, kept whole."""

from __future__ import annotations

from events.envelope import Event


class DeadLettered(Event, frozen=True, kw_only=True):
    """A record was set aside: its bytes, where it stood, who could not use it and why."""

    topic: str
    partition: int
    offset: int
    consumer: str
    cause: str
    detail: str
    schema_id: int | None
    key: bytes | None
    value: bytes | None


class LetterReleased(Event, frozen=True, kw_only=True):
    """A record that could not be used is read as this one from now on, in its own place."""

    letter: str
    key: bytes
    value: bytes
    header_names: tuple[str, ...]
    header_values: tuple[bytes, ...]
    reason: str


class LetterDiscarded(Event, frozen=True, kw_only=True):
    """A record that could not be used is passed over from now on."""

    letter: str
    reason: str


def letter_of(topic: str, partition: int, offset: int) -> str:
    """The name of the letter about a record: its place."""
    return f"{topic}/{partition}/{offset}"
