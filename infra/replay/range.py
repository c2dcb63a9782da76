"""Positions as people write them, as one offset per partition."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from confluent_kafka import Consumer, TopicPartition

from infra.config import Config, ConfigError
from infra.stream import kafka, tape

EARLIEST, LATEST = "earliest", "latest"


@dataclass(frozen=True, slots=True)
class Where:
    """A position that was asked for, before any broker has been."""

    text: str
    moment_ms: int | None = None
    offset: int | None = None
    places: tuple[tuple[str, int, int], ...] = ()

    @property
    def is_everywhere(self) -> bool:
        """Whether it is a place on every topic, and not on one."""
        return self.offset is None and not self.places


def where(text: str) -> Where:
    """`earliest`, `latest`, an offset, a moment, or `topic/partition/offset`, more with commas."""
    if text in (EARLIEST, LATEST):
        return Where(text)
    if text.isdecimal():
        return Where(text, offset=int(text))
    found = [re.fullmatch(r"([\w.-]+)/(\d+)/(\d+)", part) for part in text.split(",")]
    places = [(m[1], int(m[2]), int(m[3])) for m in found if m is not None]
    if len(places) == len(found):
        return Where(text, places=tuple(places))
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no position; give earliest, latest, an offset, topic/partition/offset "
            "or a time such as 2026-01-31T12:00:00Z"
        ) from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return Where(text, moment_ms=int(moment.timestamp() * 1000))


def offsets(
    config: Config, client: Consumer, topic: str, position: Where, missing: str
) -> dict[int, int]:
    """The offset per partition of a catalog's topic, within what the broker has.

    A moment is that of the broker's record time. A partition that a list of places does not name
    is at its `missing` end.
    """
    name = kafka.topic_name(config, topic)
    ends = {p: tape.bounds(client, name, p) for p in kafka.partitions_of(client, name)}
    if position.moment_ms is not None:
        asked = [TopicPartition(name, p, position.moment_ms) for p in ends]
        found = client.offsets_for_times(asked, timeout=kafka.REQUEST_TIMEOUT_S)
        wanted = {
            at.partition: at.offset if at.offset >= 0 else ends[at.partition][1] for at in found
        }
    elif position.offset is not None:
        wanted = dict.fromkeys(ends, position.offset)
    else:
        edge = 0 if (position.text if not position.places else missing) == EARLIEST else 1
        wanted = {p: bounds[edge] for p, bounds in ends.items()}
        wanted |= _named(topic, position, wanted)
    return {p: min(max(at, ends[p][0]), ends[p][1]) for p, at in wanted.items()}


def _named(topic: str, position: Where, partitions: dict[int, int]) -> dict[int, int]:
    for name, partition, _ in position.places:
        if name != topic or partition not in partitions:
            raise ConfigError(
                f"{position.text}: a replay starts and ends on {topic}, which has the partitions "
                f"{', '.join(map(str, partitions))}"
            )
    return {partition: offset for _, partition, offset in position.places}
