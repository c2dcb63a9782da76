"""Kafka clients: idempotent, murmur2, read-committed; offsets are kept by the runners."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    Producer,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined] # exported
from confluent_kafka.cimpl import NewTopic

from infra.config import Config
from schemas.catalog import EVERY_TOPIC, Topic

REQUEST_TIMEOUT_S = 10.0
LEADERS_POLL_S = 0.05
DELIVERY_TIMEOUT_MS = 120_000
MESSAGE_BYTES_MAX = 1_048_576
BATCH_MAX = 1_000
MENDED = (KafkaError._ALL_BROKERS_DOWN, KafkaError._TRANSPORT, KafkaError._RESOLVE)


def topic_name(config: Config, name: str) -> str:
    """The name on the broker of a topic of the catalog: prefixed with the namespace, if any."""
    return f"{config.namespace}.{name}" if config.namespace else name


def catalog_name(config: Config, name: str) -> str:
    """The name in the catalog of a topic on the broker."""
    return name.removeprefix(f"{config.namespace}.") if config.namespace else name


def group_name(config: Config, name: str) -> str:
    """The consumer group or transactional id of a role in this namespace."""
    return topic_name(config, f"tapedeck.{name}")


def producer(config: Config, **settings: Any) -> Producer:
    """A producer that never reorders or repeats within its lifetime.

    Its partitioner is the Java client's, so that every client puts a key in the same partition.
    Settings are librdkafka's with underscores for dots.
    """
    return Producer(
        {
            "bootstrap.servers": config.kafka,
            "enable.idempotence": True,
            "acks": "all",
            "partitioner": "murmur2_random",
            "delivery.timeout.ms": DELIVERY_TIMEOUT_MS,
            "message.max.bytes": MESSAGE_BYTES_MAX,
            "linger.ms": 0,
            "reconnect.backoff.max.ms": 1_000,
            **_dotted(settings),
        },
        logger=_quiet(),
    )


def consumer(config: Config, group: str, **settings: Any) -> Consumer:
    """A consumer that sees committed records only and commits nothing by itself."""
    return Consumer(
        {
            "bootstrap.servers": config.kafka,
            "group.id": group_name(config, group),
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
            "partition.assignment.strategy": "cooperative-sticky",
            "fetch.wait.max.ms": 100,
            "reconnect.backoff.max.ms": 1_000,
            "topic.metadata.refresh.interval.ms": 30_000,
            **_dotted(settings),
        },
        logger=_quiet(),
    )


def admin(config: Config) -> AdminClient:
    """A client for topics and cluster questions."""
    return AdminClient({"bootstrap.servers": config.kafka}, logger=_quiet())


def ensure_topics(config: Config, topics: Iterable[Topic] = EVERY_TOPIC) -> None:
    """Create the topics that are missing; `RuntimeError` if one has another partition count.

    Partition counts are fixed at birth: changing one would move keys to other partitions.
    """
    wanted = {topic_name(config, topic.name): topic for topic in topics}
    client = admin(config)
    present = client.list_topics(timeout=REQUEST_TIMEOUT_S).topics
    for name, topic in wanted.items():
        if name in present and len(present[name].partitions) != topic.partitions:
            raise RuntimeError(
                f"topic {name} has {len(present[name].partitions)} partitions and needs "
                f"{topic.partitions}; give this copy another TAPEDECK_NAMESPACE or an empty broker"
            )
    missing = [_new_topic(name, topic) for name, topic in wanted.items() if name not in present]
    if missing:
        for created in client.create_topics(missing).values():
            _created(created)
        _await_leaders(client, [place for topic in missing for place in _places(topic)])


def _places(topic: NewTopic) -> list[TopicPartition]:
    return [TopicPartition(topic.topic, number) for number in range(topic.num_partitions)]


def _await_leaders(client: AdminClient, places: Sequence[TopicPartition]) -> None:
    """Return when every partition answers: a new one has a leader a moment after it is there."""
    until_s = time.monotonic() + REQUEST_TIMEOUT_S
    spec: Any = OffsetSpec
    while True:
        client.list_topics(timeout=REQUEST_TIMEOUT_S)  # a leader that was asked for once too early
        asked = client.list_offsets(dict.fromkeys(places, spec.latest()))
        failed = [error for answer in asked.values() if (error := answer.exception()) is not None]
        if not failed:
            return
        if time.monotonic() > until_s:
            raise failed[0]
        time.sleep(LEADERS_POLL_S)


def topic_ids(config: Config, names: Sequence[str]) -> dict[str, str]:
    """What Kafka calls these topics of the broker for itself: one made anew has another id.

    Topics that do not exist are left out; `KafkaException` if Kafka does not answer.
    """
    client = admin(config)  # it has to live until all have answered
    asked = client.describe_topics(TopicCollection(list(names)), request_timeout=REQUEST_TIMEOUT_S)
    found = {}
    for name, answer in asked.items():
        try:
            found[name] = str(answer.result().topic_id)
        except KafkaException as failed:
            if failed.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise
    return found


def partitions_of(client: Consumer, topic: str) -> list[int]:
    """The partitions of a topic on the broker, in order; `KafkaException` if it does not exist."""
    metadata = client.list_topics(topic, timeout=REQUEST_TIMEOUT_S).topics[topic]
    if metadata.error is not None:
        raise KafkaException(metadata.error)
    return sorted(metadata.partitions)


def bounds(client: Consumer, topic: str, partition: int) -> tuple[int, int]:
    """The first offset of a partition, and the one after its last committed record."""
    low, high = client.get_watermark_offsets(
        TopicPartition(topic, partition), timeout=REQUEST_TIMEOUT_S
    )
    return int(low), int(high)


def mends_itself(error: KafkaError) -> bool:
    """Whether librdkafka rides this out: a lost connection. After all else, ask a new client.

    A static member whose session ended while Kafka was away is one of those who need a new one:
    its error has the code `_FATAL`, and `fatal()` may be false all the same.
    """
    return error.code() in MENDED and not error.fatal()


def backoff_s(first_s: float = 0.2, last_s: float = 5.0) -> Iterator[float]:
    """Waits that double from `first_s` to `last_s`, for ever."""
    wait_s = first_s
    while True:
        yield wait_s
        wait_s = min(last_s, wait_s * 2)


def await_broker(config: Config, timeout_s: float) -> None:
    """Return once the broker answers; `TimeoutError` that names it after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    client = admin(config)
    while True:
        try:
            client.list_topics(timeout=1.0)
        except KafkaException as away:
            if time.monotonic() > deadline:
                raise TimeoutError(f"Kafka at {config.kafka} does not answer: {away}") from away
        else:
            return


def _new_topic(name: str, topic: Topic) -> NewTopic:
    settings = {"cleanup.policy": "delete", "retention.ms": "-1"}
    if topic.retention_ms is not None:  # what is being written is kept until it is a segment
        kept_ms = str(topic.retention_ms)
        settings |= {"retention.ms": kept_ms, "segment.ms": kept_ms}
    return NewTopic(
        name,
        num_partitions=topic.partitions,
        replication_factor=-1,
        config=settings,
    )


def _created(future: Any) -> None:
    try:
        future.result(timeout=REQUEST_TIMEOUT_S)
    except KafkaException as failed:
        if failed.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise


def _dotted(settings: dict[str, Any]) -> dict[str, Any]:
    return {name.replace("_", "."): value for name, value in settings.items()}


def _quiet() -> Any:
    """Its lines are for a role's log; to a command, which has none, they would hide its one."""
    log = logging.getLogger("tapedeck.librdkafka")
    if not log.handlers:
        log.addHandler(logging.NullHandler())
    return log
