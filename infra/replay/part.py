"""One partition of a replay: its ticks through all stages, beside what was recorded."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field

from confluent_kafka import Consumer

from events.market import TickReceived
from events.predictions import PredictionMade
from infra.config import Config
from infra.models import files
from infra.models.environment import environment_digest
from infra.replay.chain import Choose, Link, LocalIds
from infra.replay.found import Count, Mismatch
from infra.replay.level import Level
from infra.replay.share import WHOLE, Share
from infra.run.processing import Stage
from infra.run.processor import INFERENCE
from infra.stream import kafka, tape, wire
from infra.stream.wire import Ids, Record
from processors.bars import BARS
from processors.features import FEATURES_OF_BARS
from processors.inference import inference
from processors.signals import SIGNALS
from schemas.catalog import topic_of

TICKS = topic_of(TickReceived).name


@dataclass(frozen=True, slots=True)
class Part:
    """A share of one partition to recompute: judged from `start`, up to `end`."""

    number: int
    start: int
    end: int
    digest: str | None
    verify: bool
    share: Share = WHOLE
    level: Level = Level.R2
    resumes: bool = False
    """Whether what it comes to is kept, for a replay that is interrupted."""

    @property
    def size(self) -> float:
        """About how many records it has."""
        return self.end / self.share.count


@dataclass(frozen=True, slots=True)
class Found:
    """What came of one link of one partition."""

    name: str
    count: Count
    first: Mismatch | None
    hashes: Mapping[str, str] = field(default_factory=dict)
    """Of what was recomputed, by partition and key."""
    environments: frozenset[str] = frozenset()
    """Those in which what was recorded was made."""


def recomputed(config: Config, ids: Ids, part: Part, shown: Callable[[int], None]) -> list[Found]:
    """One partition through all stages, tick after tick; `shown` is told the offsets done."""
    with ExitStack() as readers:
        local = LocalIds(ids)
        models = None if part.digest is None else Models(config, local, part.digest)
        links = _links(config, local, part, models, readers)
        client = readers.enter_context(tape.reader(config))
        name = kafka.topic_name(config, TICKS)
        mine = None if part.share.count == 1 else part.share.has
        for batch in tape.read(client, name, part.number, 0, part.end, mine):
            links[0].feed_all(batch, part.start)
            shown(batch[-1].offset)
        links[0].finish(True, part.end)
    shown(part.end)
    seen = frozenset() if models is None else frozenset(models.environments)
    return [
        Found(
            link.name,
            link.count,
            link.first,
            {f"{part.number}/{key}": text for key, text in link.hashes().items()},
            seen if link.name == INFERENCE else frozenset(),
        )
        for link in links
    ]


class Models:
    """Inference with the model that a recorded prediction names, or with the one named before.

    It says of its environment what was recorded: which that was is told apart from what it gave.
    """

    def __init__(self, config: Config, ids: Ids, digest: str) -> None:
        self._config = config
        self._ids = ids
        self._digest = digest
        self._stages: dict[tuple[str, str], Stage] = {}
        self._seen: Record | None = None
        self._here = environment_digest(config)
        self.environments: set[str] = set()

    def stage(self, recorded: Record | None) -> Stage:
        """The stage that made `recorded`; `ModelRefused` if its model is not in the store."""
        if recorded is not None and recorded is not self._seen:
            self._seen = recorded
            event = wire.event_of(recorded, self._ids)
            if isinstance(event, PredictionMade):
                self._digest, self._here = event.model_digest, event.environment_digest
                self.environments.add(self._here)
        made = (self._digest, self._here)
        if made not in self._stages:
            model = files.load(self._config, self._digest)
            if model.environment_digest != self._here:
                model = dataclasses.replace(model, environment_digest=self._here)
            self._stages[made] = Stage(inference(model), self._ids)
        return self._stages[made]


def _links(
    config: Config, ids: Ids, part: Part, models: Models | None, readers: ExitStack
) -> list[Link]:
    """The stages of one partition, in the stream's order. Without a model, bars and features."""
    chain: list[tuple[Stage, Choose | None]]
    chain = [(Stage(BARS, ids), None), (Stage(FEATURES_OF_BARS, ids), None)]
    if models is not None:
        chain += [(models.stage(None), models.stage), (Stage(SIGNALS, ids), None)]
    links: list[Link] = []
    for stage, choose in reversed(chain[: part.level.stages]):
        recorded = None
        if part.verify:
            client = readers.enter_context(tape.reader(config))
            recorded = _records(config, client, stage.writes[0], part.number)
        following = links[-1] if links else None
        links.append(Link(stage, part.number, recorded, ids, following, part.share, choose))
    return links[::-1]


def _records(config: Config, client: Consumer, topic: str, number: int) -> Iterator[Record]:
    name = kafka.topic_name(config, topic)
    low, high = tape.bounds(client, name, number)
    for batch in tape.read(client, name, number, low, high):
        yield from batch
