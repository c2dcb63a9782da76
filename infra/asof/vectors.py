"""The positions that a question means: one offset per partition that a projection reads.

By a time, a partition stands before its first record of that time or later; the time of a record is
what Kafka keeps with it. Right after a record means its own next offset, and for every other
partition what its time means. What has been answered names its positions: asked by them, the answer
is the same for ever.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from confluent_kafka import Consumer, TopicPartition

from infra.config import Config
from infra.store.postgres import Connection
from infra.stream import kafka, tape
from projections.projection import Projection
from read_api.asof import AsOf
from read_api.problems import not_found, refused
from read_api.store import Place
from schemas.catalog import TOPICS

SETTLES_MS = 1_000
"""A record that is under way may still be of this time: a question so young is refused."""


def vector(
    config: Config, client: Consumer, connection: Connection, projection: Projection, asked: AsOf
) -> dict[Place, int]:
    """The next offset of each partition; a `Problem` if there is no such moment on the tape."""
    ends = bounds_of(config, client, projection)
    if asked.places:
        places = asked.places.get(projection.name) or asked.places.get("", {})
        return _within(_named(places, ends), ends)
    if asked.time_us is not None:
        return _within(at_time(config, client, ends, -(-asked.time_us // 1_000)), ends)
    topic, partition, offset = asked.record or _place_of(connection, asked.message_id)
    after_ms = _time_ms(config, client, topic, partition, offset) + 1
    found = at_time(config, client, ends, after_ms)
    if (topic, partition) in found:
        found[topic, partition] = offset + 1
    return _within(found, ends)


def bounds_of(
    config: Config, client: Consumer, projection: Projection
) -> dict[Place, tuple[int, int]]:
    """Every partition that the projection reads, and what it holds."""
    found: dict[Place, tuple[int, int]] = {}
    for topic in TOPICS:
        if any(projection.wants(kind) for kind in topic.carries):
            name = kafka.topic_name(config, topic.name)
            for partition in kafka.partitions_of(client, name):
                found[topic.name, partition] = tape.bounds(client, name, partition)
    return found


def _named(given: Mapping[Place, int], ends: Mapping[Place, object]) -> dict[Place, int]:
    if missing := [place for place in ends if place not in given]:
        topic, partition = missing[0]
        raise refused(
            f"as_of names no position of {topic}/{partition}, which this answer depends on; "
            "take `Tapedeck-Position` of an answer of this very path, as it is"
        )
    return {place: given[place] for place in ends}


def _within(places: dict[Place, int], ends: Mapping[Place, tuple[int, int]]) -> dict[Place, int]:
    for (topic, partition), offset in places.items():
        low, high = ends[topic, partition]
        if offset > high:
            raise refused(f"as_of is beyond the tape: {topic}/{partition} ends at {high}")
        if low > 0:
            raise refused(
                f"the tape no longer holds {topic}/{partition} from its beginning, but from {low}: "
                "how it stood cannot be folded again"
            )
    return places


def at_time(
    config: Config, client: Consumer, ends: Mapping[Place, tuple[int, int]], at_ms: int
) -> dict[Place, int]:
    """Where each partition stood at a time: before its first record of that time or later."""
    if at_ms > time.time_ns() // 1_000_000 - SETTLES_MS:
        raise refused("as_of is not over yet; ask for a moment that is a second old, or for now")
    names = {kafka.topic_name(config, topic): topic for topic, _ in ends}
    asked = [TopicPartition(kafka.topic_name(config, t), p, at_ms) for t, p in ends]
    found: Sequence[TopicPartition] = client.offsets_for_times(
        asked, timeout=kafka.REQUEST_TIMEOUT_S
    )
    places = {(names[at.topic], at.partition): at.offset for at in found}
    return {at: offset if offset >= 0 else ends[at][1] for at, offset in places.items()}


def _place_of(connection: Connection, message_id: str) -> tuple[str, int, int]:
    row = connection.execute(
        'select topic, partition, "offset" from audit where message_id = %s', (message_id,)
    ).fetchone()
    if row is None:
        advice = "a tick is named by its place, as in market-data-events/0/12"
        raise not_found(f"message {message_id}", advice)
    return row[0], row[1], row[2]


def _time_ms(config: Config, client: Consumer, topic: str, partition: int, offset: int) -> int:
    """When a record was written, as Kafka has kept it."""
    place = f"{topic}/{partition}/{offset}"
    name = kafka.topic_name(config, topic)
    known = {each.name for each in TOPICS}
    if topic not in known or partition not in kafka.partitions_of(client, name):
        raise refused(f"as_of: there is no {topic}/{partition} on the tape")
    low, high = tape.bounds(client, name, partition)
    if not low <= offset < high:
        raise refused(f"as_of: {place} is not on the tape, which holds {low} to {high} there")
    for batch in tape.read(client, name, partition, offset, offset + 1):
        for record in batch:
            return record.timestamp_ms
    raise refused(f"as_of: no record stands at {place}; take the next one before it")
