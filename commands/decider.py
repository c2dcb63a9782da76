"""The decider: a command and a state give events."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import reduce
from typing import Generic, TypeVar

C = TypeVar("C")
S = TypeVar("S")
E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class Decider(Generic[C, S, E]):
    """Total, pure and idempotent: deciding again after its own events gives `()`.

    `stream` names the aggregate that a command is for; its events are that stream, in order.
    """

    name: str
    commands: tuple[type, ...]
    events: tuple[type, ...]
    stream: Callable[[C], str]
    initial: S
    decide: Callable[[C, S], tuple[E, ...]]
    evolve: Callable[[S, E], S]

    def fold(self, events: Iterable[E]) -> S:
        """The state after these events."""
        return reduce(self.evolve, events, self.initial)
