"""Records that nobody could use, kept whole on the dead-letter topic."""

from __future__ import annotations

import re

from events.envelope import Message, caused_by, first_cause
from events.letters import DeadLettered
from infra.stream.wire import Record, Unreadable, envelope_of, schema_id_of

VALUE_BYTES_MAX, KEY_BYTES_MAX = 900_000, 50_000
"""A letter must fit into a record itself; what is cut off still stands at its position."""
DETAIL_CHARS_MAX = 1_000


_ADDRESS = re.compile(r" at 0x[0-9a-f]+")
"""Where an object lay in memory: a letter written again is to have the same bytes."""


def letter(record: Record, topic: str, consumer: str, cause: Exception) -> Message[DeadLettered]:
    """The dead letter of a record that `consumer` could not use. `topic` is the catalog's name.

    It continues the record's trace where the envelope can be read.
    """
    event = DeadLettered(
        topic=topic,
        partition=record.partition,
        offset=record.offset,
        consumer=consumer,
        cause=type(cause).__name__,
        detail=_detail(record, cause),
        schema_id=schema_id_of(record.value),
        key=None if record.key is None else record.key[:KEY_BYTES_MAX],
        value=None if record.value is None else record.value[:VALUE_BYTES_MAX],
    )
    source = f"{consumer}/{record.partition}"
    sequence = f"{record.offset:016d}.000"
    try:
        envelope = envelope_of(record.headers)
    except Unreadable:
        return first_cause(event, source=source, sequence=sequence, key=topic, time_us=0)
    read = Message(event, topic, envelope)
    step = f"dead-letter.{consumer}"
    return caused_by(read, event, source=source, sequence=sequence, key=topic, step=step)


def _detail(record: Record, cause: Exception) -> str:
    text = _ADDRESS.sub("", str(cause))[:DETAIL_CHARS_MAX]
    for what, content, kept in (
        ("value", record.value or b"", VALUE_BYTES_MAX),
        ("key", record.key or b"", KEY_BYTES_MAX),
    ):
        if len(content) > kept:
            text += f" (the {what} has {len(content)} bytes; the first {kept} are kept here)"
    return text
