"""Canaries: one a second onto the tape, to be missed where it does not come out.

Each takes the whole way of an event: through Kafka, into the fold of every read model, with its
rows into Postgres. The read API sees it there, or says whose stays away. One that Kafka has not
acknowledged is waited for: none is sent while another is under way, so none can pile up.
"""

from __future__ import annotations

import threading
import time
import uuid
from typing import Any

from confluent_kafka import KafkaException, Producer

from events.canaries import CanarySent
from events.envelope import first_cause
from infra.config import Config
from infra.observe import telemetry
from infra.run.patience import TAPE_AWAY, patiently
from infra.stream import kafka, wire
from infra.stream.schema_ids import SchemaIds

ROLE = "canary"
EVERY_S = 1.0
ACK_LOOK_S = 0.2


def run(config: Config, stop: threading.Event) -> None:
    """Send until `stop`."""
    ids, source = SchemaIds(config), f"canaries/{uuid.uuid4().hex}"

    def life() -> None:
        producer = kafka.producer(config)
        while not stop.is_set():
            _send(config, ids, producer, source, stop)
            telemetry.AT_WORK.labels(ROLE).set(1)
            stop.wait(EVERY_S)

    patiently(ROLE, life, stop, TAPE_AWAY)


def _send(
    config: Config, ids: SchemaIds, producer: Producer, source: str, stop: threading.Event
) -> None:
    """One canary; returns once it is acknowledged, or with `stop`."""
    now_us = time.time_ns() // 1_000
    canary = first_cause(
        CanarySent(sender=ROLE, sent_at_us=now_us),
        source=source,
        sequence=f"{now_us:016d}",
        key=ROLE,
        time_us=now_us,
    )
    record, failures = wire.write(canary, ids), list[Any]()
    producer.produce(
        kafka.topic_name(config, record.topic),
        record.value,
        record.key,
        headers=list(record.headers),
        on_delivery=lambda error, _: failures.append(error) if error else None,
    )
    while producer.flush(ACK_LOOK_S) and not failures and not stop.is_set():
        pass
    if failures:
        raise KafkaException(failures[0])
