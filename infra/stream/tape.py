"""Reading the tape by position: bounded, in order, committed records only."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from infra.config import Config
from infra.stream import kafka
from infra.stream.wire import Record, records_of

BATCH = 2_000
POLL_S = 1.0
PATIENCE_S, RETRY_S = 10.0, 0.1
NO_FLOORS: Mapping[int, int] = {}
WINDOW_FIRST, WINDOW_MAX = 500, 20_000
"""Records looked at together when a partition is searched from its end."""

log = logging.getLogger(__name__)


class TapeReplaced(RuntimeError):
    """What is stored does not fit the topic: it was made anew, or has lost what we had not read."""


@contextmanager
def reader(config: Config, **settings: object) -> Iterator[Consumer]:
    """A consumer without a group, for `read` and `newest`; closed at the end."""
    client = kafka.consumer(config, "reader", enable_partition_eof=True, **settings)
    try:
        yield client
    finally:
        client.close()


def bounds(client: Consumer, topic: str, partition: int) -> tuple[int, int]:
    """As `kafka.bounds`, asked again while a leader is being elected or a broker restarts."""
    deadline_s = time.monotonic() + PATIENCE_S
    while True:
        try:
            return kafka.bounds(client, topic, partition)
        except KafkaException as failed:
            if failed.args[0].code() in _NOT_PASSING or time.monotonic() > deadline_s:
                raise
        time.sleep(RETRY_S)


def read(
    client: Consumer,
    topic: str,
    partition: int,
    start: int,
    end: int,
    wanted: Callable[[bytes | None], bool] | None = None,
) -> Iterator[list[Record]]:
    """The records with `start` <= offset < `end`, in batches; `topic` is the broker's name.

    With `wanted`, only those of such keys. Waits while Kafka is away. One `read` at a time may run
    on a client.
    """
    if start >= end:
        return
    client.assign([TopicPartition(topic, partition, start)])
    over = False
    while not over:
        arrived = _arrived(client)
        fetched = [each for each in arrived if each.error() is None]
        if len(fetched) < len(arrived):
            over = _any_ended(arrived, end)
        if fetched and fetched[-1].offset() + 1 >= end:
            fetched, over = [each for each in fetched if each.offset() < end], True
        if wanted is not None:
            fetched = [each for each in fetched if wanted(each.key())]
        if fetched:
            yield records_of(fetched)
    client.unassign()


def backwards(
    client: Consumer, topic: str, partition: int, floor: int = 0
) -> Iterator[list[Record]]:
    """A partition from its end down to `floor` in growing windows, each in the tape's order."""
    low, high = bounds(client, topic, partition)
    low, size = max(low, floor), WINDOW_FIRST
    while high > low:
        start = max(low, high - size)
        yield [record for batch in read(client, topic, partition, start, high) for record in batch]
        high, size = start, min(size * 4, WINDOW_MAX)


def backwards_all(
    client: Consumer, topic: str, floors: Mapping[int, int] = NO_FLOORS
) -> Iterator[list[Record]]:
    """All partitions of a topic from their ends, in turn, as `backwards` does it with one."""
    ways = [
        backwards(client, topic, partition, floors.get(partition, 0))
        for partition in kafka.partitions_of(client, topic)
    ]
    while ways:
        for way in tuple(ways):
            window = next(way, None)
            if window is None:
                ways.remove(way)
            else:
                yield window


def newest(
    client: Consumer, topic: str, partition: int, wanted: Callable[[Record], bool]
) -> Record | None:
    """The last record of a partition that is `wanted`."""
    for window in backwards(client, topic, partition):
        for record in reversed(window):
            if wanted(record):
                return record
    return None


def _arrived(client: Consumer) -> list[Any]:
    """What has been fetched, at once; else the next to come. `consume` alone waits to be full."""
    arrived = client.consume(BATCH, 0)
    if not arrived:
        one = client.poll(POLL_S)
        arrived = [] if one is None else [one]
    return arrived


def _any_ended(arrived: Sequence[Any], end: int) -> bool:
    failed = [(each.error(), each.offset()) for each in arrived if each.error() is not None]
    return any(_ended(error, offset, end) for error, offset in failed)


def _ended(error: KafkaError, offset: int, end: int) -> bool:
    """Whether this is the end asked for. What passes by itself is waited for, the rest raised."""
    if error.code() == KafkaError._PARTITION_EOF:
        return offset >= end
    if error.fatal() or error.code() in _NOT_PASSING:
        raise KafkaException(error)
    log.warning("reading waits: %s", error)
    return False


_NOT_PASSING = (
    KafkaError._UNKNOWN_TOPIC,
    KafkaError._UNKNOWN_PARTITION,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.OFFSET_OUT_OF_RANGE,
    KafkaError._AUTO_OFFSET_RESET,
)
