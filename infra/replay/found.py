"""What comparing a stage with what was recorded came to."""

from __future__ import annotations

from dataclasses import dataclass

from infra.stream.wire import Outgoing, Record


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One difference. Of `recomputed` and `recorded`, one may be missing."""

    stage: str
    sequence: str
    recomputed: Outgoing | None
    recorded: Record | None


@dataclass(slots=True)
class Count:
    """What came of one stage."""

    inputs: int = 0
    equal: int = 0
    different: int = 0
    not_yet_recorded: int = 0

    @property
    def compared(self) -> int:
        """Messages that were held against what was recorded."""
        return self.equal + self.different

    def add(self, other: Count) -> None:
        """Sum up."""
        self.inputs += other.inputs
        self.equal += other.equal
        self.different += other.different
        self.not_yet_recorded += other.not_yet_recorded
