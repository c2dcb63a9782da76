"""Terminals that answer wrongly: a stage whose every call goes through a function."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from typing import Any, cast

from infra.mt5.certify.rule import Rule
from infra.mt5.certify.run import Outcome, tried
from infra.mt5.certify.scene import Scene
from infra.mt5.certify.situations import SimulatorStage
from infra.mt5.certify.tapped import Tapped
from infra.mt5.terminal import Terminal

Alter = Callable[[str, Any], Any]
"""Of a function's name and its answer: the answer that is given instead."""


@dataclass(frozen=True)
class BrokenStage:
    """The simulator, its answers altered."""

    alter: Alter
    names: Mapping[str, Any] | None = None
    lenient: bool = False  # keywords are taken for positions
    name: str = "broken"

    def bars(self, _rule: Rule) -> str:
        return ""

    @contextmanager
    def scene(self, rule: Rule) -> Iterator[Scene]:
        with SimulatorStage().scene(rule) as scene:

            def through(name: str, call: Callable[..., Any], *given: Any, **named: Any) -> Any:
                if self.lenient:
                    given, named = (*given, *named.values()), {}
                return self.alter(name, call(*given, **named))

            terminal = cast("Terminal", Tapped(scene.terminal, through))
            yield replace(scene, terminal=terminal, names=self.names or scene.names)


def failed(rules: tuple[Rule, ...], alter: Alter, **more: Any) -> set[int]:
    """The numbers of the rules that fail on such a terminal."""
    verdicts = tried(rules, BrokenStage(alter, **more))
    return {each.rule.number for each in verdicts if each.outcome is Outcome.FAILED}


def of(function: str, change: Callable[[Any], Any]) -> Alter:
    """Change what a function, or all that fit a pattern, answer with when they succeed."""

    def alter(name: str, answer: Any) -> Any:
        wanted = fnmatch(name, function) and answer is not None and answer is not False
        return change(answer) if wanted else answer

    return alter


def each(**changes: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Change fields of a tuple, or of every tuple in a tuple."""

    def changed(answer: Any) -> Any:
        if hasattr(answer, "_replace"):
            return answer._replace(**{n: to(getattr(answer, n)) for n, to in changes.items()})
        return tuple(changed(one) for one in answer)

    return changed
