"""Puts messages on a real tape, as every producer does, and says where they stand."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from msgspec.structs import replace

from events.envelope import Message, Position
from infra.config import Config
from infra.stream import kafka, wire
from infra.stream.schema_ids import SchemaIds

DELIVERY_S = 30.0


def write(config: Config, ids: SchemaIds, messages: Sequence[Message[Any]]) -> list[Message[Any]]:
    """The messages with the positions that they got."""
    producer = kafka.producer(config)
    positions: dict[int, Position] = {}

    def delivered(number: int, topic: str, error: Any, record: Any) -> None:
        assert error is None, error
        positions[number] = Position(topic, record.partition(), record.offset())

    for number, message in enumerate(messages):
        outgoing = wire.write(message, ids)
        producer.produce(
            kafka.topic_name(config, outgoing.topic),
            key=outgoing.key,
            value=outgoing.value,
            headers=list(outgoing.headers),
            on_delivery=partial(delivered, number, outgoing.topic),
        )
    assert producer.flush(DELIVERY_S) == 0
    return [replace(m, position=positions[n]) for n, m in enumerate(messages)]


def write_raw(
    config: Config,
    topic: str,
    key: bytes | None,
    value: bytes | None,
    headers: Sequence[tuple[str, bytes]] = (),
) -> int:
    """A record of any bytes; the partition that it went to."""
    producer = kafka.producer(config)
    partitions: list[int] = []
    producer.produce(
        kafka.topic_name(config, topic),
        key=key,
        value=value,
        headers=list(headers),
        on_delivery=lambda _, record: partitions.append(record.partition() or 0),
    )
    assert producer.flush(DELIVERY_S) == 0
    return partitions[0]
