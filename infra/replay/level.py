"""How much of what was decided a replay runs again."""

from __future__ import annotations

from enum import Enum


class Level(Enum):
    """Each level runs again what the one before does, and more."""

    R0 = "R0"
    """What was recorded is read again, and hashed."""
    R1 = "R1"
    """Bars and features."""
    R2 = "R2"
    """Predictions, and the signals on them."""
    R3 = "R3"
    """What sagas said and deciders decided: the whole chain."""

    @property
    def stages(self) -> int:
        """How many stages of the stream are run again."""
        return {Level.R0: 0, Level.R1: 2, Level.R2: 4, Level.R3: 4}[self]


DECLARED = "R4"
"""The territory of another environment: equal there is not promised, so it is named."""
