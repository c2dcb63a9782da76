"""The decisions of a tape, run again: what they consumed is on the tape, they are in the log."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Consumer

from commands import DECIDER_OF
from events.envelope import Message
from events.roles import RoleStarted
from events.signals import SignalRaised
from infra.config import Config
from infra.replay.apart import Shown
from infra.replay.chain import LocalIds
from infra.replay.decisions import Decisions, Judged
from infra.replay.found import Count, Mismatch
from infra.replay.part import TICKS
from infra.store import postgres
from infra.store.recorders import open_recorder
from infra.stream import kafka, tape, wire
from infra.stream.identity import EVENT_STORE
from infra.stream.wire import Ids, Record, Unreadable
from schemas.catalog import topic_of
from schemas.codec import Undecodable

LOG_BATCH = 5_000
LATE_US = 2**62


@dataclass(frozen=True, slots=True)
class Decided:
    """What came of it. `entries` of the log were taken."""

    entries: int
    counts: dict[str, Count]
    first: Mismatch | None
    digest: str
    environments: frozenset[str]


def decided_again(config: Config, ids: Ids, judged: Judged, shown: Shown) -> Decided:
    """The whole log in the order of its commits; nothing is written anywhere."""
    local = LocalIds(ids)
    with tape.reader(config) as client:
        consumed = {topic_of(kind).name for kind in (SignalRaised, RoleStarted)}
        signals = dict(_by_id(config, client, local, consumed))
        topics = {topic_of(kind).name for kind in DECIDER_OF}
        found = _by_id(config, client, local, topics)
        commands = {name: m for name, m in found if m.envelope.source != EVENT_STORE}
    again = Decisions(local, signals, commands, judged)
    recorder = open_recorder(postgres.address(config.postgres, config.namespace))
    try:
        last, at, taken = recorder.last_id(), 0, 0
        while entries := recorder.log_after(at, LOG_BATCH):
            for entry in entries:
                if entry.id > last:
                    break
                again.take(entry, entry.id)
                taken += 1
            at = entries[-1].id
            shown(min(at, last), last)
            if at >= last:
                break
    finally:
        recorder.close()
    again.finish()
    environments = frozenset(again.environments)
    return Decided(taken, again.counts, again.first, again.digest, environments)


def moments(
    config: Config, client: Consumer, starts: dict[int, int], ends: dict[int, int]
) -> Judged:
    """The event times between two places on the ticks: what falls into them is judged."""
    name = kafka.topic_name(config, TICKS)
    bounds = {number: tape.bounds(client, name, number) for number in starts}
    first = [_time_us(client, name, n, at) for n, at in starts.items() if at > bounds[n][0]]
    last = [_time_us(client, name, n, at) for n, at in ends.items() if at < bounds[n][1]]
    whole_start = any(at <= bounds[n][0] for n, at in starts.items())
    whole_end = any(at >= bounds[n][1] for n, at in ends.items())
    return (
        -LATE_US if whole_start or not first else min(first),
        LATE_US if whole_end or not last else max(last),
    )


def _time_us(client: Consumer, name: str, number: int, offset: int) -> int:
    for batch in tape.read(client, name, number, offset, offset + 1):
        return wire.envelope_of(batch[0].headers).time_us
    return LATE_US


def _by_id(
    config: Config, client: Consumer, ids: Ids, topics: set[str]
) -> Iterator[tuple[str, Message[Any]]]:
    """Every message of these topics that can be read, by its id."""
    for topic in sorted(topics):
        name = kafka.topic_name(config, topic)
        for number in kafka.partitions_of(client, name):
            low, high = tape.bounds(client, name, number)
            for batch in tape.read(client, name, number, low, high):
                for record in batch:
                    message = _read(record, ids)
                    if message is not None:
                        yield message.envelope.message_id, message


def _read(record: Record, ids: Ids) -> Message[Any] | None:
    try:
        return wire.read(record, ids)
    except (Unreadable, Undecodable, LookupError):
        return None  # a dead letter has it
