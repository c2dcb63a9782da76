"""The tape under other choices beside what was recorded: where they part, and what it is worth."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from msgspec.structs import asdict, replace

from infra.config import Config, ConfigError
from infra.replay.apart import Shown
from infra.replay.decided import moments
from infra.replay.range import EARLIEST, LATEST, Where, offsets
from infra.stream import tape, wire
from infra.stream.wire import Ids
from infra.whatif.choices import Choices
from infra.whatif.fills import Fill, filled
from infra.whatif.outcomes import Key, Moment, Outcome, Verdict, Verdicts
from infra.whatif.recorded import Recorded, read
from infra.whatif.rerun import TICKS, Quotes, Step, Stream
from infra.whatif.verdicts import decided

CURRENCY = "USD"
"""Of an account that nobody has opened."""


@dataclass(frozen=True, slots=True)
class Divergence:
    """The first place where they part: the stage, where it stands, and what it was given."""

    stage: str
    position: str
    time_us: int
    inputs: dict[str, Any]
    live: Any
    otherwise: Any


@dataclass(frozen=True, slots=True)
class Change:
    """A decision about one account that would have been another."""

    moment: Moment
    live: Verdict
    otherwise: Verdict


@dataclass(slots=True)
class Counts:
    """How much was compared, and how much of it differs."""

    ticks: int = 0
    moments: int = 0
    predictions_changed: int = 0
    signals: int = 0
    signals_otherwise: int = 0
    signals_changed: int = 0
    decisions: int = 0
    not_yet_recorded: int = 0
    not_yet_decided: int = 0


@dataclass(slots=True)
class Compared:
    """What it came to. Of each side, the simulated fills of all its orders."""

    counts: Counts = field(default_factory=Counts)
    first: Divergence | None = None
    changes: list[Change] = field(default_factory=list)
    live: list[Fill] = field(default_factory=list)
    otherwise: list[Fill] = field(default_factory=list)
    venue_profit: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def different(self) -> int:
        """Predictions, signals and decisions that differ."""
        counts = self.counts
        return counts.predictions_changed + counts.signals_changed + len(self.changes)


class Comparison:
    """One run: moments are taken as they come, orders are filled when all ticks are known."""

    def __init__(self, choices: Choices, recorded: Recorded) -> None:
        self.found = Compared(venue_profit=recorded.profit)
        self._choices, self._recorded = choices, recorded
        self._orders: tuple[list[tuple[Moment, Verdict]], ...] = ([], [])

    def take(self, moment: Moment, step: Step | None, live: Moment | None) -> None:
        """A moment as it would have been (`step` is what follows from it), and as it was."""
        counts, was = self.found.counts, live or Moment(moment.key, moment.time_us)
        verdicts = {} if was.signal is None else self._recorded.verdicts_on(was.signal)
        if verdicts is None:
            counts.not_yet_decided += 1
            return
        counts.moments += 1
        counts.signals += was.signal is not None
        counts.signals_otherwise += moment.signal is not None
        place = was.position or f"{TICKS}, tick {moment.tick}"
        if moment.prediction != was.prediction:
            counts.predictions_changed += 1
            self._parts("inference", place, moment, moment.features, was.prediction)
        if _meant(moment.outcome) != _meant(was.outcome):
            counts.signals_changed += 1
            self._parts("signals", place, moment, moment.prediction, was.outcome)
        self._compare(moment, was, verdicts, self._decide(moment, step), place)

    def _decide(self, moment: Moment, step: Step | None) -> Verdicts:
        if moment.signal is None or step is None:
            return {}
        message = wire.message_of(step.record, step.event)
        context = self._recorded.context_of(moment.signal, moment.time_us)
        return decided(message, self._choices.of_context(context))

    def _compare(
        self, moment: Moment, was: Moment, live: Verdicts, otherwise: Verdicts, place: str
    ) -> None:
        for account in sorted({*live, *otherwise}):
            then = live.get(account) or Verdict(account, reason=_none(was))
            now = otherwise.get(account) or Verdict(account, reason=self._missing(account, moment))
            self.found.counts.decisions += 1
            for orders, verdict in zip(self._orders, (then, now), strict=True):
                if verdict.is_order:
                    orders.append((moment, verdict))
            if then != now:
                self.found.changes.append(Change(moment, then, now))
                self._parts("decisions", place, moment, moment.outcome, str(then), str(now))

    def _missing(self, account: str, moment: Moment) -> str:
        return _none(moment) if self._choices.follows(account) else "not chosen"

    def _parts(
        self,
        stage: str,
        place: str,
        moment: Moment,
        inputs: Any,
        live: Any,
        otherwise: Any = None,
    ) -> None:
        """Remember it if it is the first in time."""
        first = self.found.first
        if first is not None and first.time_us <= moment.time_us:
            return
        made = {"inference": moment.prediction, "signals": moment.outcome}.get(stage, otherwise)
        self.found.first = Divergence(
            stage, place, moment.time_us, _plain(inputs) or {}, _plain(live), _plain(made)
        )

    def fill(self, quotes: Mapping[str, Quotes]) -> None:
        """What the orders of both sides would have come to."""
        currencies = self._recorded.currencies
        for orders, fills in zip(
            self._orders, (self.found.live, self.found.otherwise), strict=True
        ):
            for moment, verdict in orders:
                currency = currencies.get(verdict.account, CURRENCY)
                fill = filled(moment, verdict, quotes, currency)
                if fill is not None:
                    fills.append(fill)


def compare(
    config: Config, ids: Ids, choices: Choices, start: Where, end: Where, shown: Shown
) -> Compared:
    """The tape from `start` to `end` under the choices, beside what was recorded of it.

    What is compared goes as far as something was recorded. Nothing is written anywhere.
    """
    began_s = time.monotonic()
    recorded = read(config, ids)
    if not recorded.reached_us:
        raise ConfigError("no signal was ever considered on this tape: nothing to compare with")
    with tape.reader(config) as client:
        starts = offsets(config, client, TICKS, start, EARLIEST)
        ends = offsets(config, client, TICKS, end, LATEST)
        between = moments(config, client, starts, ends)
    comparison, quotes = Comparison(choices, recorded), dict[str, Quotes]()
    seen: set[Key] = set()
    total, done = sum(ends.values()), 0
    for number in sorted(ends):
        stream = Stream(config, ids, choices.model, recorded, number)
        told = partial(_shown_after, shown, done, total)
        for moment, step in stream.run(starts[number], ends[number], told):
            seen.add(moment.key)
            if moment.tick is None or moment.tick < starts[number]:
                continue
            if moment.time_us > recorded.reached_us.get(number, 0):
                comparison.found.counts.not_yet_recorded += 1
            else:
                comparison.take(moment, step, recorded.moments.get(moment.key))
        done += ends[number]
        quotes |= stream.quotes
        comparison.found.counts.ticks += stream.ticks
    for was in _unmade(recorded, seen, between):
        comparison.take(Moment(was.key, was.time_us), None, was)
    comparison.fill(quotes)
    comparison.found.changes.sort(key=lambda change: (change.moment.time_us, change.live.account))
    comparison.found.seconds = time.monotonic() - began_s
    return comparison.found


def _shown_after(shown: Shown, before: int, total: int, done: int) -> None:
    shown(before + done, total)


def _unmade(recorded: Recorded, seen: set[Key], between: tuple[int, int]) -> Iterator[Moment]:
    """What was recorded of moments that would not have been predicted at all."""
    for key, moment in recorded.moments.items():
        judged = between[0] <= moment.time_us < between[1]
        if key not in seen and judged and moment.outcome is not None:
            yield moment


def _meant(outcome: Outcome | None) -> Outcome | None:
    """Without the model's name: what was decided, and not by whom."""
    return None if outcome is None else replace(outcome, model_digest="")


def _none(moment: Moment) -> str:
    """Why there is no signal."""
    reason = getattr(moment.outcome, "reason", None)
    return "no prediction" if reason is None else f"no signal: {reason.value}"


def _plain(said: Any) -> Any:
    return asdict(said) if hasattr(said, "__struct_fields__") else said


def totals(fills: list[Fill]) -> dict[str, dict[str, float]]:
    """By currency: profit, spread paid, and how many there are."""
    found: dict[str, dict[str, float]] = defaultdict(
        lambda: {"profit": 0.0, "spread_paid": 0.0, "fills": 0}
    )
    for fill in fills:
        found[fill.currency]["profit"] += fill.profit
        found[fill.currency]["spread_paid"] += fill.spread_paid
        found[fill.currency]["fills"] += 1
    return dict(found)
