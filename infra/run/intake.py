"""Kafka records become messages. What cannot be read is set aside, and stops a decision topic."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import KafkaException, Producer

from events.envelope import Message
from infra.config import Config
from infra.observe.telemetry import DEAD_LETTERS
from infra.store.letters import Rulings
from infra.store.postgres import Connection
from infra.stream import dead_letters, kafka, messages, wire
from infra.stream.schema_ids import SchemaIds
from infra.stream.wire import Record, Unreadable
from schemas.catalog import EVERY_TOPIC, Topic

DELIVERY_S = 15.0

log = logging.getLogger(__name__)


class Ruled(Exception):
    """Somebody has ruled about a record that holds a partition: begin again, and go on past it."""


@dataclass(slots=True)
class Taken:
    """What was read of one partition: messages up to `next_offset`, and what stops it there."""

    next_offset: int
    messages: list[Message[Any]] = field(default_factory=list)
    values: dict[int, bytes] = field(default_factory=dict)
    """What the records of these offsets hold, from which the messages were read."""
    stopped_by: Exception | None = None


class Intake:
    """Reads the records of one consumer. A bad one goes to the dead-letter topic and is awaited.

    On a decision topic it holds its partition, and with it all that follows of its key, until a
    person has released it, whole again, or discarded it.
    """

    def __init__(
        self, config: Config, consumer: str, ids: SchemaIds, connection: Connection
    ) -> None:
        self._config = config
        self._consumer = consumer
        self._ids = ids
        self._topics = {topic.name: topic for topic in EVERY_TOPIC}
        self._producer: Producer | None = None
        self._rulings = Rulings(connection)

    def take(self, records: Sequence[Record]) -> Taken:
        """The records of one partition, in order, until one must not be passed over.

        A registry that is away raises `RegistryAway`: nothing has been taken then.
        """
        topic = self._topics[records[0].topic]
        try:
            read = self._known(messages.read_all(records, self._ids), topic)
        except (ValueError, LookupError):  # reading one by one says which it is
            return self._one_by_one(records, topic)
        values = {record.offset: record.value or b"" for record in records}
        return Taken(records[-1].offset + 1, read, values)

    def _one_by_one(self, records: Sequence[Record], topic: Topic) -> Taken:
        taken = Taken(records[0].offset)
        for record in records:
            try:
                for whole in self._whole(record, topic):
                    taken.messages += self._known([wire.read(whole, self._ids)], topic)
                    taken.values[whole.offset] = whole.value or b""
            except (ValueError, LookupError) as bad:
                self.set_aside(record, bad)
                if self.must_stop(record):
                    taken.stopped_by = bad
                    break
            taken.next_offset = record.offset + 1
        return taken

    def _whole(self, record: Record, topic: Topic) -> Sequence[Record]:
        """The record, or what is to be read in its place; raises why it cannot be used."""
        try:
            self._known([wire.read(record, self._ids)], topic)
        except (ValueError, LookupError):
            instead = self.instead(record)
            if instead is None:
                raise
            return instead
        return (record,)

    def instead(self, record: Record) -> Sequence[Record] | None:
        """What a person has ruled is to be read in the place of a record that cannot be used.

        None if nobody has, or where nobody waits for it: on a market topic all have gone on.
        """
        return self._rulings.instead(record) if self.must_stop(record) else None

    def look_again(self) -> None:
        """`Ruled` if somebody has ruled since about a record that holds a partition."""
        if self._rulings.anew():
            raise Ruled("a record that could not be used was released or discarded")

    @staticmethod
    def _known(messages: list[Message[Any]], topic: Topic) -> list[Message[Any]]:
        """The messages, if they belong on the topic."""
        for kind in {type(message.event) for message in messages} - set(topic.carries):
            raise Unreadable(f"{kind.__name__} does not belong on {topic.name}")
        return messages

    def must_stop(self, record: Record) -> bool:
        """Whether what follows the record must not be read without it."""
        return self._topics[record.topic].decisions

    def set_aside(self, record: Record, bad: Exception) -> None:
        """Keep the record whole, and what is wrong with it, as a dead letter; await that."""
        place = f"{record.topic}/{record.partition}/{record.offset}"
        log.error("%s cannot be used: %s", place, bad, extra={"tape": {"position": place}})
        DEAD_LETTERS.labels(self._consumer, type(bad).__name__).inc()
        letter = dead_letters.letter(record, record.topic, self._consumer, bad)
        self._deliver(wire.write(letter, self._ids))

    def _deliver(self, letter: wire.Outgoing) -> None:
        if self._producer is None:
            self._producer = kafka.producer(self._config)
        failures: list[Any] = []
        self._producer.produce(
            kafka.topic_name(self._config, letter.topic),
            key=letter.key,
            value=letter.value,
            headers=list(letter.headers),
            on_delivery=lambda error, _: failures.append(error) if error else None,
        )
        if self._producer.flush(DELIVERY_S) or failures:
            self._producer = None
            raise KafkaException(*failures)
