"""The projection: what we show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from events.envelope import Event, Message


class Rows(Protocol):
    """The tables of one projection, for writing only."""

    def execute(self, sql: str, params: Sequence[Any] = ()) -> None:
        """Queue one statement. The runner sends a batch's statements in order, with its offsets."""


@dataclass(frozen=True, slots=True)
class Projection:
    """Bump `version` when `ddl` or `apply` changes: it is rebuilt by replay, then swapped.

    `apply` turns a message into statements and reads nothing back, so that a batch of thousands is
    one pipeline. Each message arrives once, in order per key.
    """

    name: str
    version: int
    ddl: str
    reads: tuple[type[Event], ...]
    apply: Callable[[Rows, Message[Any]], None]
