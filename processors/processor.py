"""The processor: what the stream means."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from events.envelope import Event

S = TypeVar("S")
I = TypeVar("I", bound=Event)  # noqa: E741 - in, as O is out
O = TypeVar("O", bound=Event)  # noqa: E741


@dataclass(frozen=True, slots=True)
class Processor(Generic[S, I, O]):
    """Reads `reads`, remembers one `S` per `key`, emits `writes`.

    The same step runs live, in training and in replay. `key` refines the partition key of what is
    read. `state` is the type of `S`, so that hosts can keep snapshots; bump `version` when `step`
    or `S` changes: older snapshots are then not used. One that remembers nothing may have `batch`:
    what `step` emits for each of many, to the same bits, made at once because that is faster.
    """

    name: str
    version: int
    reads: type[I]
    writes: tuple[type[O], ...]
    key: Callable[[I], str]
    state: type[S]
    initial: S
    step: Callable[[S, I], tuple[S, tuple[O, ...]]]
    batch: Callable[[Sequence[I]], Sequence[tuple[O, ...]]] | None = None
