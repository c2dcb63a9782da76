"""The schemas topic: read to its end and followed, and written by one registry at a time.

Appends are transactions under one `transactional.id`. A registry that starts, or that was
overtaken, first shuts every other one out, then reads to the end, then writes: what it decides is
never based on an older state than what it adds to.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from threading import Condition, Event
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin._config import ConfigResource
from confluent_kafka.admin._resource import ResourceType
from confluent_kafka.cimpl import NewTopic

from infra.config import Config
from infra.registry.records import Record
from infra.stream import kafka

TOPIC = "_schemas"
POLL_S = 0.2
RETRY_S = 0.5
APPEND_TIMEOUT_S = 4.0
TRANSACTION_TIMEOUT_MS = 10_000
BATCH = 500

log = logging.getLogger(__name__)


class LogAway(Exception):
    """The topic cannot be read or written now. Whether a last append holds shows when it can."""


class Overtaken(Exception):
    """Another registry has written since; nothing of this append holds."""


class SchemaLog:
    """`apply` gets the records in order, in batches, from the thread that follows."""

    def __init__(self, config: Config, apply: Callable[[Sequence[Record]], None]) -> None:
        self._config = config
        self._apply = apply
        self._topic = kafka.topic_name(config, TOPIC)
        self._moved = Condition()
        self._position = -1  # the offset up to which all is applied; -1 before the first end
        self._end_seen = Event()
        self._producer: Producer | None = None

    @property
    def loaded(self) -> bool:
        """Whether the topic has been read to its end once."""
        return self._end_seen.is_set()

    def claim(self) -> None:
        """Shut out other writers and catch up with what they wrote; nothing if that is done."""
        if self._producer is not None:
            return
        producer = kafka.producer(
            self._config,
            transactional_id=kafka.group_name(self._config, "registry"),
            transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
            delivery_timeout_ms=TRANSACTION_TIMEOUT_MS,
        )
        try:
            producer.init_transactions(APPEND_TIMEOUT_S)
            self._await(_end(self._config, self._topic))
        except KafkaException as away:
            raise LogAway(str(away)) from away
        self._producer = producer

    def append(self, records: Sequence[Record]) -> None:
        """Write these records, all or none, and return once they are applied."""
        if self._producer is None:
            raise LogAway("the topic is not claimed")
        producer, self._producer = self._producer, None
        last: list[int] = []
        try:
            producer.begin_transaction()
            for key, value in records:
                producer.produce(
                    self._topic, value, key, partition=0, on_delivery=_offset_into(last)
                )
            producer.commit_transaction(APPEND_TIMEOUT_S)
        except KafkaException as failed:
            if failed.args[0].code() in (KafkaError._FENCED, KafkaError.INVALID_PRODUCER_EPOCH):
                raise Overtaken from failed
            raise LogAway(str(failed)) from failed
        self._await(last[-1] + 1)
        self._producer = producer

    def _await(self, position: int) -> None:
        with self._moved:
            if not self._moved.wait_for(lambda: self._position >= position, APPEND_TIMEOUT_S):
                raise LogAway(f"{self._topic} was read to {self._position}, not to {position}")

    def follow(self, stop: Event) -> None:
        """Read from the beginning and go on reading until `stop`; the topic is made if need be."""
        self._prepare(stop)
        consumer = kafka.consumer(
            self._config, "registry", enable_partition_eof=True, fetch_wait_max_ms=500
        )
        consumer.assign([TopicPartition(self._topic, 0, 0)])
        try:
            while not stop.is_set():
                first = consumer.poll(POLL_S)
                if first is not None:
                    self._take([first, *consumer.consume(BATCH, 0)])
        finally:
            consumer.close()

    def _take(self, fetched: Sequence[Any]) -> None:
        """Apply what was fetched; the end of the partition comes as an error of its own."""
        position = self._position
        records: list[Record] = []
        for message in fetched:
            error = message.error()
            if error is None:
                position = message.offset() + 1
                records += [(message.key(), message.value())] if message.key() else []
            elif error.code() == KafkaError._PARTITION_EOF:
                position = message.offset()
                self._end_seen.set()
            else:
                log.warning("%s: %s", self._topic, error)
        if records:
            self._apply(records)
        if position != self._position:
            with self._moved:
                self._position = position
                self._moved.notify_all()

    def _prepare(self, stop: Event) -> None:
        while not stop.is_set():
            try:
                _ensure(self._config, self._topic)
                break
            except KafkaException as away:
                log.warning("Kafka at %s does not answer: %s", self._config.kafka, away)
            stop.wait(RETRY_S)


def _ensure(config: Config, topic: str) -> None:
    """The topic is there, and compacted: one that expires would forget what ids mean."""
    client = kafka.admin(config)
    if topic not in client.list_topics(timeout=APPEND_TIMEOUT_S).topics:
        wanted = NewTopic(topic, 1, -1, config={"cleanup.policy": "compact"})
        try:
            client.create_topics([wanted])[topic].result(APPEND_TIMEOUT_S)
        except KafkaException as failed:
            if failed.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise
    resource = ConfigResource(ResourceType.TOPIC, topic)
    settings = client.describe_configs([resource])[resource].result(APPEND_TIMEOUT_S)
    policy = settings["cleanup.policy"].value
    if policy != "compact":
        raise RuntimeError(f"topic {topic} has cleanup.policy={policy}; set it to compact")


def _end(config: Config, topic: str) -> int:
    consumer = kafka.consumer(config, "registry-end")
    try:
        return kafka.bounds(consumer, topic, 0)[1]
    finally:
        consumer.close()


def _offset_into(offsets: list[int]) -> Callable[[KafkaError | None, Any], None]:
    def delivered(error: KafkaError | None, message: Any) -> None:
        if error is None:
            offsets.append(message.offset())

    return delivered
