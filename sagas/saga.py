"""The saga: what must happen next, across aggregates and accounts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

S = TypeVar("S")
E = TypeVar("E")
C = TypeVar("C")


@dataclass(frozen=True, slots=True)
class Saga(Generic[S, E, C]):
    """`next` looks at the state alone, so recovery, retry and watchdog are the same call.

    An instance is born from a `starts_on` event. Before it, the runner folds in the latest event of
    each `context` type and key (the accounts, their limits, …), so that what was known at that
    moment is part of the instance's own history, and with it how the runner itself was started
    (`RoleStarted`). `correlate` names the instance an event belongs
    to; None for context. `done` says that nothing more is expected, so that nobody has to look
    after the instance; what still arrives is heard all the same.
    """

    name: str
    starts_on: type
    reads: tuple[type, ...]
    context: tuple[type, ...]
    correlate: Callable[[E], str | None]
    initial: S
    evolve: Callable[[S, E], S]
    next: Callable[[S], tuple[C, ...]]
    done: Callable[[S], bool]
