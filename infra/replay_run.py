"""A replay: partition by partition, ticks through all stages, beside what was recorded."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

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


def replay(
    config: Config, ids: Ids, start: Where, end: Where, *, verify: bool, shown: Shown
) -> Outcome:
    """Recompute what the ticks from `start` to `end` cause, and with `verify` compare it.

    The state at `start` is folded from the beginning of the tape. Nothing is written anywhere.
    """
    outcome = Outcome()
    local = LocalIds(ids)
    began_s = time.monotonic()
    with tape.reader(config) as client:
        starts = offsets(config, client, TICKS, start, EARLIEST)
        ends = offsets(config, client, TICKS, end, LATEST)
        digest = outcome.model_digest = promoted(config, client, ids)
    total, done = sum(ends.values()), 0
    for number in sorted(ends):
        with ExitStack() as readers:
            links = _links(config, local, number, digest, verify, readers)
            client = readers.enter_context(tape.reader(config))
            name = kafka.topic_name(config, TICKS)
            for batch in tape.read(client, name, number, 0, ends[number]):
                for record in batch:
                    links[0].feed(record, record.offset >= starts[number])
                shown(done + batch[-1].offset, total)
            links[0].finish(True)
        done += ends[number]
        outcome.ticks += links[0].count.inputs
        for link in links:
            outcome.counts.setdefault(link.name, Count()).add(link.count)
            outcome.first = outcome.first or link.first
    shown(total, total)
    outcome.seconds = time.monotonic() - began_s
    return outcome


def _links(
    config: Config,
    ids: Ids,
    number: int,
    digest: str | None,
    verify: bool,
    readers: ExitStack,
) -> list[Link]:
    """The stages of one partition, in the stream's order. Without a model, bars and features."""
    chain: list[Stages] = [One(Stage(BARS, ids)), One(Stage(FEATURES_OF_BARS, ids))]
    if digest is not None:
        chain += [Models(config, ids, digest), One(Stage(SIGNALS, ids))]
    links: list[Link] = []
    for stages in reversed(chain):
        topic = stages.stage(None).writes[0]
        recorded = None
        if verify:
            client = readers.enter_context(tape.reader(config))
            recorded = _records(config, client, topic, number)
        links.append(Link(stages, number, recorded, ids, links[-1] if links else None))
    return links[::-1]


def _records(config: Config, client: Consumer, topic: str, number: int) -> Iterator[Record]:
    name = kafka.topic_name(config, topic)
    low, high = tape.bounds(client, name, number)
    for batch in tape.read(client, name, number, low, high):
        yield from batch
