"""The tape as this API needs it: records by position, the newest, and how far it goes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from msgspec import Struct

Mark = tuple[str, str | int]
"""What a sequence counts over: a source and a key, or a source and a whole partition."""


class Heard(Struct, frozen=True, kw_only=True):
    """A record of the tape, ready to be sent: `body` is its JSON.

    `mark` names what its `sequence` counts over. A record that cannot be read is here too, with an
    `error` in its body and neither type nor mark: whoever follows the tape sees that it is there.
    """

    partition: int
    offset: int
    body: bytes
    type: str = ""
    symbol: str = ""
    account: str = ""
    mark: Mark | None = None
    sequence: str = ""


class Extent(Struct, frozen=True, kw_only=True):
    """What a partition holds: from `first_offset` up to, not including, `next_offset`."""

    partition: int
    first_offset: int
    next_offset: int


class TapeTopic(Struct, frozen=True, kw_only=True):
    """A topic of the tape: what it carries, by what it is keyed, and how far it goes."""

    topic: str
    key: str
    carries: tuple[str, ...]
    decisions: bool
    partitions: tuple[Extent, ...]


class TapeAway(ConnectionError):
    """Kafka does not answer."""


class Tail(Protocol):
    """The newest records of a topic, shared by all who follow it."""

    def after(self, partition: int, offset: int) -> Sequence[Heard] | None:
        """What is held from `offset` on; None if that is not held here any more, or not yet."""

    @property
    def growth(self) -> int:
        """A number that rises whenever there is more."""

    async def grown(self, growth: int, timeout_s: float) -> None:
        """Wait until there is more than there was at `growth`, but not for longer."""


class Tape(Protocol):
    """The port; `infra/stream/reader.py` is the implementation on Kafka."""

    def knows(self, topic: str) -> bool:
        """Whether there is such a topic."""

    async def topics(self) -> tuple[TapeTopic, ...]:
        """All topics, with what they hold; `TapeAway`."""

    async def extents(self, topic: str) -> tuple[Extent, ...]:
        """What the partitions of a topic hold; `TapeAway`."""

    async def read(
        self, topic: str, partition: int, start: int, end: int, limit: int
    ) -> tuple[Sequence[Heard], int]:
        """At most `limit` records with `start` <= offset < `end`, and where to go on; `TapeAway`.

        Going on at `end` means that there is no more.
        """

    def tail(self, topic: str) -> AbstractAsyncContextManager[Tail]:
        """The newest records of a topic from now on; `TapeAway`."""
