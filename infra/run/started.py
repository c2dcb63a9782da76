"""A role tells the tape in what environment it decides, before it decides anything."""

from __future__ import annotations

import time
import uuid
from typing import Any

from confluent_kafka import KafkaException

from events.envelope import Message, first_cause
from events.roles import RoleStarted
from infra.config import Config
from infra.models.environment import environment, environment_digest
from infra.stream import kafka, wire
from infra.stream.wire import Ids

DELIVERY_S = 15.0


def started(config: Config, ids: Ids, role: str) -> Message[RoleStarted]:
    """The role's start, once it is acknowledged. Each start is a source of its own."""
    facts = environment(config)
    event = RoleStarted(
        role=role,
        environment_digest=environment_digest(config),
        facts=tuple(facts),
        values=tuple(facts.values()),
    )
    message = first_cause(
        event,
        source=f"roles/{role}/{uuid.uuid4().hex}",
        sequence=f"{1:016d}",
        key=role,
        time_us=time.time_ns() // 1_000,
    )
    record = wire.write(message, ids)
    producer, failures = kafka.producer(config), list[Any]()
    producer.produce(
        kafka.topic_name(config, record.topic),
        record.value,
        record.key,
        headers=list(record.headers),
        on_delivery=lambda error, _: failures.append(error) if error else None,
    )
    if producer.flush(DELIVERY_S) or failures:
        raise KafkaException(*failures)
    return message
