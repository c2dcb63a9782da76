"""Ticks through all stages again, each fed what the one before makes under the choices."""

from __future__ import annotations

import dataclasses
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from events.envelope import Event
from events.market import TickReceived
from events.predictions import FeaturesComputed, PredictionMade
from events.signals import Abstained, SignalRaised
from infra.config import Config
from infra.models import files
from infra.replay.chain import LocalIds
from infra.run.processing import DEAD_LETTERS, Stage, fresh, place_of
from infra.stream import kafka, tape, wire
from infra.stream.wire import Ids, Record
from infra.whatif.outcomes import Key, Moment, key_of, signal_key
from infra.whatif.recorded import Recorded
from processors.bars import BARS
from processors.features import FEATURES_OF_BARS
from processors.inference import inference
from processors.signals import SIGNALS
from schemas.catalog import topic_of

TICKS = topic_of(TickReceived).name


@dataclass(slots=True)
class Quotes:
    """The ticks of a symbol, column by column, in the order of the tape."""

    offsets: array[int] = field(default_factory=lambda: array("q"))
    times_us: array[int] = field(default_factory=lambda: array("q"))
    bids: array[float] = field(default_factory=lambda: array("d"))
    asks: array[float] = field(default_factory=lambda: array("d"))

    def add(self, offset: int, tick: TickReceived) -> None:
        """The next one."""
        self.offsets.append(offset)
        self.times_us.append(tick.ts_source_us)
        self.bids.append(tick.bid)
        self.asks.append(tick.ask)


@dataclass(frozen=True, slots=True)
class Step:
    """A record between two stages, what it says, and the place of the tick that caused it."""

    record: Record
    event: Event
    tick: int


class Stream:
    """One partition through the stages. `moments` is told of each one that was predicted."""

    def __init__(
        self, config: Config, ids: Ids, model: str | None, recorded: Recorded, number: int
    ) -> None:
        self._config, self._model, self._recorded = config, model, recorded
        self._ids, self._number = LocalIds(ids), number
        self._bars = Link(Stage(BARS, self._ids), number)
        self._features = Link(Stage(FEATURES_OF_BARS, self._ids), number)
        self._inference: Link | None = None
        self._signals = Link(Stage(SIGNALS, self._ids), number)
        self._models: dict[tuple[str, str], Stage] = {}
        self._made = _first_made(recorded)
        self._seen: dict[Key, FeaturesComputed] = {}
        self._predicted: dict[Key, PredictionMade] = {}
        self.quotes: dict[str, Quotes] = {}
        self.ticks = 0

    def run(
        self, start: int, end: int, shown: Callable[[int], None]
    ) -> Iterator[tuple[Moment, Step]]:
        """Every moment up to `end`, with the step that its outcome is."""
        name = kafka.topic_name(self._config, TICKS)
        with tape.reader(self._config) as client:
            for batch in tape.read(client, name, self._number, 0, end):
                yield from self._through(batch, start)
                shown(batch[-1].offset)
        shown(end)

    def _through(self, batch: Sequence[Record], start: int) -> Iterator[tuple[Moment, Step]]:
        ticks = [
            Step(record, event, record.offset)
            for record, event in zip(batch, self._events(batch), strict=True)
            if event is not None
        ]
        for step in ticks:
            if isinstance(step.event, TickReceived) and step.tick >= start:
                self.ticks += 1
                self.quotes.setdefault(step.event.symbol, Quotes()).add(step.tick, step.event)
        features = self._features.feed(self._bars.feed(ticks))
        self._seen = {
            key_of(s.event): s.event for s in features if isinstance(s.event, FeaturesComputed)
        }
        predictions = self._predict(features)
        self._predicted = {
            key_of(s.event): s.event for s in predictions if isinstance(s.event, PredictionMade)
        }
        for step in self._signals.feed(predictions):
            yield self._moment(step), step

    def _moment(self, step: Step) -> Moment:
        event = step.event
        assert isinstance(event, SignalRaised | Abstained), "signals write nothing else"
        key = signal_key(event) if isinstance(event, SignalRaised) else key_of(event)
        return Moment(
            key,
            wire.envelope_of(step.record.headers).time_us,
            step.tick,
            self._seen.get(key),
            self._predicted.get(key),
            event,
        )

    def _events(self, batch: Sequence[Record]) -> list[Event | None]:
        try:
            return list(wire.events_of(batch, self._ids))
        except (ValueError, LookupError):
            return [self._event(record) for record in batch]

    def _event(self, record: Record) -> Event | None:
        try:
            return wire.event_of(record, self._ids)
        except (ValueError, LookupError):
            return None  # a dead letter has it

    def _predict(self, features: Sequence[Step]) -> list[Step]:
        """By the model that was chosen, or by those that made what was recorded."""
        found: list[Step] = []
        for stage, steps in groupby(features, self._stage):
            if stage is None:
                continue
            if self._inference is None:
                self._inference = Link(stage, self._number)
            self._inference.stage = stage
            found += self._inference.feed(list(steps))
        return found

    def _stage(self, step: Step) -> Stage | None:
        """The stage for a step, as it says of its environment what was recorded there."""
        event = step.event
        assert isinstance(event, FeaturesComputed), "features write nothing else"
        moment = self._recorded.moments.get(key_of(event))
        if moment is not None and moment.prediction is not None:
            self._made = moment.prediction.model_digest, moment.prediction.environment_digest
        if self._made is None:
            return None
        made = (self._model or self._made[0], self._made[1])
        if made not in self._models:
            model = files.load(self._config, made[0])
            if model.environment_digest != made[1]:
                model = dataclasses.replace(model, environment_digest=made[1])
            self._models[made] = Stage(inference(model), self._ids)
        return self._models[made]


class Link:
    """A stage, and all that it remembers; what it writes is numbered as the tape would."""

    def __init__(self, stage: Stage, number: int) -> None:
        self.stage = stage
        self._partition = fresh(number)
        self._next = 0

    def feed(self, steps: Sequence[Step]) -> list[Step]:
        """What follows from them, in order."""
        if not steps:
            return []
        ticks = {step.record.offset: step.tick for step in steps}
        known = {step.record.offset: step.event for step in steps}
        records = [step.record for step in steps]
        found = []
        for output in self.stage.advance_all(self._partition, records, known):
            if output.topic == DEAD_LETTERS or output.event is None:
                continue
            tick = ticks[place_of(wire.place_of(output.headers)[1])[0]]
            number = self._partition.number
            written = (output.topic, number, self._next, output.key, output.value, output.headers)
            found.append(Step(Record(*written), output.event, tick))
            self._next += 1
        return found


def _first_made(recorded: Recorded) -> tuple[str, str] | None:
    """The model and environment of the oldest prediction, if there ever was one."""
    made = [moment for moment in recorded.moments.values() if moment.prediction is not None]
    if not made:
        return None
    prediction = min(made, key=lambda moment: moment.time_us).prediction
    assert prediction is not None
    return prediction.model_digest, prediction.environment_digest
