"""The records of the tape for an examination, out of Kafka."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from confluent_kafka import Consumer, KafkaException

from infra.config import Config
from infra.proofs.tape_side import TapeSide
from infra.store import offsets
from infra.store.letters import Rulings
from infra.store.postgres import Connection
from infra.stream import kafka, tape
from infra.stream.schema_ids import SchemaIds
from infra.stream.wire import Record
from projections import audit
from schemas.catalog import TOPICS

KEEPS = {topic.name: topic.retention_ms is None for topic in TOPICS}
DECISIONS = {topic.name for topic in TOPICS if topic.decisions}


def ruled(connection: Connection, topic: str) -> Callable[[Record], Sequence[Record] | None]:
    """What is read in the place of a topic's records that cannot be read: readers do the same."""
    return Rulings(connection).instead if topic in DECISIONS else lambda _: None


class KafkaSide:
    """Reads one partition after the other; a topic that is gone is an empty one."""

    def __init__(self, config: Config, client: Consumer, ids: SchemaIds) -> None:
        self._config = config
        self._client = client
        self._ids = ids

    def __call__(self, connection: Connection, log: str) -> TapeSide:
        """What Kafka has of a log's partition."""
        topic, _, number = log.rpartition("/")
        read_to = offsets.reached(connection, audit.PROJECTION.consumer, topic, int(number))
        name = kafka.topic_name(self._config, topic)
        try:
            low, high = kafka.bounds(self._client, name, int(number))
        except KafkaException:
            low, high = 0, 0
        records = self._records(topic, name, int(number), low, min(high, read_to))
        instead = ruled(connection, topic)
        return TapeSide(records, self._ids, low, read_to, KEEPS[topic], instead)

    def _records(self, topic: str, name: str, number: int, low: int, high: int) -> Iterator[Record]:
        for batch in tape.read(self._client, name, number, low, high):
            for each in batch:
                yield Record(topic, number, each.offset, each.key, each.value, each.headers)
