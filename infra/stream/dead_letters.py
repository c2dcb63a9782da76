"""Records that nobody could use, kept whole on the dead-letter topic."""

from __future__ import annotations

import re

from msgspec import Struct
from msgspec.structs import replace

from events.envelope import Message, caused_by, first_cause
from events.letters import DeadLettered, letter_of
from infra.config import Config
from infra.stream import kafka, messages, tape
from infra.stream.wire import Ids, Record, Unreadable, envelope_of, schema_id_of
from schemas.catalog import topic_of

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


class Letter(Struct, frozen=True):
    """All that was said of one record, oldest first; `name` is its place."""

    name: str
    messages: tuple[Message[DeadLettered], ...]

    @property
    def latest(self) -> Message[DeadLettered]:
        """What was said last."""
        return self.messages[-1]

    @property
    def consumers(self) -> tuple[str, ...]:
        """Who could not use it."""
        return tuple(sorted({message.event.consumer for message in self.messages}))


def letters(config: Config, ids: Ids) -> dict[str, Letter]:
    """Every letter of the tape, each word of each reader once."""
    topic = topic_of(DeadLettered)
    said: dict[str, dict[str, Message[DeadLettered]]] = {}
    with tape.reader(config) as client:
        name = kafka.topic_name(config, topic.name)
        for number in kafka.partitions_of(client, name):
            low, high = tape.bounds(client, name, number)
            for batch in tape.read(client, name, number, low, high):
                for message in messages.read_all(batch, ids):
                    event = message.event
                    about = said.setdefault(
                        letter_of(event.topic, event.partition, event.offset), {}
                    )
                    about[f"{event.consumer}: {event.cause}: {event.detail}"] = message
    return {name: Letter(name, tuple(about.values())) for name, about in said.items()}


def original(config: Config, letter: DeadLettered) -> Record:
    """The record as it stands on the tape, headers and all; as the letter kept it if it is gone."""
    with tape.reader(config) as client:
        name = kafka.topic_name(config, letter.topic)
        low, _ = tape.bounds(client, name, letter.partition)
        if low <= letter.offset:
            end = letter.offset + 1
            for batch in tape.read(client, name, letter.partition, letter.offset, end):
                return replace(batch[0], topic=letter.topic)
    place = (letter.topic, letter.partition, letter.offset)
    return Record(*place, letter.key, letter.value, ())


def _detail(record: Record, cause: Exception) -> str:
    text = _ADDRESS.sub("", str(cause))[:DETAIL_CHARS_MAX]
    for what, content, kept in (
        ("value", record.value or b"", VALUE_BYTES_MAX),
        ("key", record.key or b"", KEY_BYTES_MAX),
    ):
        if len(content) > kept:
            text += f" (the {what} has {len(content)} bytes; the first {kept} are kept here)"
    return text
