"""Rows for training from the tape: recorded features, or recorded ticks through the live steps."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

from confluent_kafka import Consumer

from events.envelope import Event
from events.market import TickReceived
from events.predictions import FeaturesComputed
from infra.config import Config
from infra.stream import kafka, tape, wire
from infra.stream.wire import Ids, Unreadable
from processors.training.dataset import Collector
from processors.training.stream import features_of
from schemas.catalog import topic_of
from schemas.codec import Undecodable

Advance = Callable[[int, int], None]
"""Told the records read and the records there are."""

log = logging.getLogger(__name__)


def collected(
    config: Config,
    ids: Ids,
    *,
    source: str,
    timeframe_s: int,
    from_us: int,
    to_us: int,
    advance: Advance,
) -> Collector:
    """Features as of `from_us` <= time < `to_us`; `source` is `features` or `ticks`."""
    rows = Collector(timeframe_s)
    for event in _features(config, ids, source, timeframe_s, advance):
        if from_us <= event.as_of_us < to_us:
            rows.add(event)
    return rows


def _features(
    config: Config, ids: Ids, source: str, timeframe_s: int, advance: Advance
) -> Iterator[FeaturesComputed]:
    if source == "ticks":
        ticks: Iterator[Any] = _events(config, ids, TickReceived, advance)
        return features_of(ticks, timeframe_s)
    recorded: Iterator[Any] = _events(config, ids, FeaturesComputed, advance)
    return recorded


def _events(config: Config, ids: Ids, kind: type[Event], advance: Advance) -> Iterator[Event]:
    """All events of the kind on the tape as it stands now, each once, in order per key."""
    topic = kafka.topic_name(config, topic_of(kind).name)
    with tape.reader(config) as client:
        spans = _spans(client, topic)
        total = sum(end - start for start, end in spans.values())
        done = 0
        for number, (start, end) in spans.items():
            marks: dict[tuple[str, bytes | None], str] = {}
            for batch in tape.read(client, topic, number, start, end):
                for record in batch:
                    event = _once(record, ids, marks)
                    if isinstance(event, kind):
                        yield event
                advance(done + batch[-1].offset + 1 - start, total)
            done += end - start


def _spans(client: Consumer, topic: str) -> dict[int, tuple[int, int]]:
    return {
        number: kafka.bounds(client, topic, number) for number in kafka.partitions_of(client, topic)
    }


def _once(
    record: wire.Record, ids: Ids, marks: dict[tuple[str, bytes | None], str]
) -> Event | None:
    """The event; None for a repeat, and for a record that its processors dead-lettered too."""
    try:
        source, sequence = wire.place_of(record.headers)
        if sequence <= marks.get((source, record.key), ""):
            return None
        marks[source, record.key] = sequence
        return wire.event_of(record, ids)
    except (Unreadable, Undecodable) as unusable:
        log.warning("%s/%s/%s: %s", record.topic, record.partition, record.offset, unusable)
        return None
