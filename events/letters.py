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
