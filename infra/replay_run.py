"""A replay: partition by partition, ticks through all stages, beside what was recorded."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial

from confluent_kafka import Consumer

from events.market import TickReceived
from events.predictions import PredictionMade
from infra import kafka, model_store, tape, wire
from infra.config import Config
from infra.replay_chain import Count, Link, LocalIds, Mismatch, One, Stages
from infra.replay_range import EARLIEST, LATEST, Where, offsets
from infra.run.processing import Stage
from infra.run.promotions import promoted
from infra.wire import Ids, Record
from processors.bars import BARS
from processors.features import FEATURES_OF_BARS
from processors.inference import inference
from processors.signals import SIGNALS
from schemas.catalog import topic_of

TICKS = topic_of(TickReceived).name

Shown = Callable[[int, int], None]
"""Told now and then how many of how many offsets are done."""


@dataclass(slots=True)
class Outcome:
    """What a replay found, stage by stage, and the first difference in full."""

    seconds: float = 0.0
    ticks: int = 0
    counts: dict[str, Count] = field(default_factory=dict)
    first: Mismatch | None = None
    model_digest: str | None = None
    """The model promoted last. Without one, nothing is predicted and nothing signalled."""

    def add(self, found: Sequence[Found]) -> None:
        """Take in one partition."""
        self.ticks += found[0].count.inputs
        for link in found:
            self.counts.setdefault(link.name, Count()).add(link.count)
            self.first = self.first or link.first

    @property
    def different(self) -> int:
        """Differences of all stages."""
        return sum(count.different for count in self.counts.values())

    @property
    def not_yet_recorded(self) -> int:
        """Recomputed messages that have no counterpart on the tape yet."""
        return sum(count.not_yet_recorded for count in self.counts.values())

    @property
    def not_compared(self) -> tuple[str, ...]:
        """Stages that had something to compare and nothing to compare it with.

        If no stage had anything to compare, all of them.
        """
        if not any(count.compared for count in self.counts.values()):
            return tuple(self.counts)
        return tuple(
            name
            for name, count in self.counts.items()
            if count.inputs and count.not_yet_recorded and not count.compared
        )


class Models:
    """Inference with the model that a recorded prediction names, or with the one named before."""

    def __init__(self, config: Config, ids: Ids, digest: str) -> None:
        self._config = config
        self._ids = ids
        self._digest = digest
        self._stages: dict[str, Stage] = {}
        self._seen: Record | None = None

    def stage(self, recorded: Record | None) -> Stage:
        """The stage that made `recorded`; `ModelRefused` if its model is not in the store."""
        if recorded is not None and recorded is not self._seen:
            self._seen = recorded
            event = wire.event_of(recorded, self._ids)
            if isinstance(event, PredictionMade):
                self._digest = event.model_digest
        if self._digest not in self._stages:
            model = model_store.load(self._config, self._digest)
            self._stages[self._digest] = Stage(inference(model), self._ids)
        return self._stages[self._digest]


@dataclass(frozen=True, slots=True)
class Part:
    """One partition to recompute: judged from `start`, up to `end`."""

    number: int
    start: int
    end: int
    digest: str | None
    verify: bool


@dataclass(frozen=True, slots=True)
class Found:
    """What came of one link of one partition."""

    name: str
    count: Count
    first: Mismatch | None


def replay(
    config: Config, ids: Ids, start: Where, end: Where, *, verify: bool, shown: Shown, jobs: int = 1
) -> Outcome:
    """Recompute what the ticks from `start` to `end` cause, and with `verify` compare it.

    The state at `start` is folded from the beginning of the tape. Nothing is written anywhere.
    With several `jobs`, as many partitions at a time have a process each: they never meet.
    """
    outcome = Outcome()
    began_s = time.monotonic()
    with tape.reader(config) as client:
        starts = offsets(config, client, TICKS, start, EARLIEST)
        ends = offsets(config, client, TICKS, end, LATEST)
        digest = outcome.model_digest = promoted(config, client, ids)
    parts = [Part(n, starts[n], ends[n], digest, verify) for n in sorted(ends)]
    if jobs == 1:
        for found in _in_turn(config, ids, parts, shown):
            outcome.add(found)
    else:
        from infra import replay_apart  # it imports this file

        for found in replay_apart.side_by_side(config, parts, shown, jobs):
            outcome.add(found)
    outcome.seconds = time.monotonic() - began_s
    return outcome


def recomputed(config: Config, ids: Ids, part: Part, shown: Callable[[int], None]) -> list[Found]:
    """One partition through all stages, tick after tick; `shown` is told the offsets done."""
    with ExitStack() as readers:
        links = _links(config, LocalIds(ids), part, readers)
        client = readers.enter_context(tape.reader(config))
        name = kafka.topic_name(config, TICKS)
        for batch in tape.read(client, name, part.number, 0, part.end):
            for record in batch:
                links[0].feed(record, record.offset >= part.start)
            shown(batch[-1].offset)
        links[0].finish(True)
    shown(part.end)
    return [Found(link.name, link.count, link.first) for link in links]


def _in_turn(
    config: Config, ids: Ids, parts: Sequence[Part], shown: Shown
) -> Iterator[list[Found]]:
    total, done = sum(part.end for part in parts), 0
    for part in parts:
        yield recomputed(config, ids, part, partial(_shown_after, shown, done, total))
        done += part.end


def _shown_after(shown: Shown, before: int, total: int, done: int) -> None:
    shown(before + done, total)


def _links(config: Config, ids: Ids, part: Part, readers: ExitStack) -> list[Link]:
    """The stages of one partition, in the stream's order. Without a model, bars and features."""
    chain: list[Stages] = [One(Stage(BARS, ids)), One(Stage(FEATURES_OF_BARS, ids))]
    if part.digest is not None:
        chain += [Models(config, ids, part.digest), One(Stage(SIGNALS, ids))]
    links: list[Link] = []
    for stages in reversed(chain):
        topic = stages.stage(None).writes[0]
        recorded = None
        if part.verify:
            client = readers.enter_context(tape.reader(config))
            recorded = _records(config, client, topic, part.number)
        links.append(Link(stages, part.number, recorded, ids, links[-1] if links else None))
    return links[::-1]


def _records(config: Config, client: Consumer, topic: str, number: int) -> Iterator[Record]:
    name = kafka.topic_name(config, topic)
    low, high = tape.bounds(client, name, number)
    for batch in tape.read(client, name, number, low, high):
        yield from batch
