"""A rule: a numbered claim about a terminal, the page it rests on, and how it is tried."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from infra.mt5.certify.scene import Scene

TRIES, PAUSE_MS = 3, 250
PLAIN = "plain"
"""The situation that every terminal is in: an open market, nothing in the way."""


class Needs(Enum):
    """What a rule does to the terminal it is tried on."""

    READ = "reads"
    LINK = "closes and makes links"
    TRADE = "trades"


Check = Callable[["Scene"], None]
"""Returns where a claim holds, else raises `Deviation`."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A claim, and how it is tried."""

    number: int
    title: str
    page: str
    check: Check
    needs: Needs = Needs.READ
    situation: str = PLAIN

    @property
    def name(self) -> str:
        """How reports call it."""
        return f"MT5-{self.number}"


def steady(check: Check) -> Check:
    """A check that asks twice about what moves: the market may have moved between the questions."""

    def tried(scene: Scene) -> None:
        for _ in range(TRIES - 1):
            try:
                return check(scene)
            except (Deviation, NotProvokable):
                scene.let_pass(PAUSE_MS)
        return check(scene)

    return tried


class Deviation(Exception):
    """The terminal did something else than the rule says."""

    def __init__(self, expected: object, got: object) -> None:
        super().__init__(f"expected {expected}, got {got}")


class NotProvokable(Exception):
    """The situation that the rule is about cannot be brought about on this terminal."""


class NotRecorded(Exception):
    """The recording does not hold what the rule asks."""
