"""Rules tried one after the other on a stage: what came of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from infra.mt5.certify.rule import Deviation, NotProvokable, NotRecorded, Rule
from infra.mt5.certify.stage import Refused, Stage


class Outcome(Enum):
    """What became of a rule."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_PROVOKABLE = "not provokable here"
    NOT_RUN = "not run"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A rule and its outcome, with what was expected and got where it failed."""

    rule: Rule
    outcome: Outcome
    detail: str = ""


def tried(rules: Iterable[Rule], stage: Stage) -> Iterator[Verdict]:
    """The verdict on each rule, in order. Nothing that a rule meets stops the others."""
    for rule in rules:
        if why := stage.bars(rule):
            yield Verdict(rule, Outcome.NOT_RUN, why)
        else:
            yield _tried(rule, stage)


def _tried(rule: Rule, stage: Stage) -> Verdict:
    try:
        with stage.scene(rule) as scene:
            rule.check(scene)
    except NotProvokable as why:
        return Verdict(rule, Outcome.NOT_PROVOKABLE, str(why))
    except NotRecorded as why:
        return Verdict(rule, Outcome.NOT_RUN, str(why))
    except Deviation as deviation:
        return Verdict(rule, Outcome.FAILED, str(deviation))
    except Refused as gone:
        return Verdict(rule, Outcome.FAILED, str(gone))
    except Exception as wrong:
        return Verdict(rule, Outcome.FAILED, f"expected an answer, got {wrong!r}")
    return Verdict(rule, Outcome.PASSED)


def counts(verdicts: Iterable[Verdict]) -> dict[Outcome, int]:
    """How many of each outcome."""
    found = dict.fromkeys(Outcome, 0)
    for verdict in verdicts:
        found[verdict.outcome] += 1
    return found


def summary(verdicts: Iterable[Verdict]) -> str:
    """One line: `passed N failed M`, and what could not be tried, where there is some."""
    found = counts(verdicts)
    line = f"passed {found[Outcome.PASSED]} failed {found[Outcome.FAILED]}"
    rest = (Outcome.NOT_PROVOKABLE, Outcome.NOT_RUN)
    return line + "".join(f" {each.value} {found[each]}" for each in rest if found[each])


Shown = Callable[[int, int], None]
"""Told how many rules of how many are done."""


def all_tried(rules: tuple[Rule, ...], stage: Stage, shown: Shown) -> tuple[Verdict, ...]:
    """The verdicts on all rules."""
    verdicts: list[Verdict] = []
    for verdict in tried(rules, stage):
        verdicts.append(verdict)
        shown(len(verdicts), len(rules))
    return tuple(verdicts)
