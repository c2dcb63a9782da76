"""Waits between tries of what keeps failing: doubled each time, bounded, never in step."""

from __future__ import annotations

import random
from dataclasses import dataclass

FIRST_S, LAST_S = 1.0, 30.0
SPREAD = 0.2


@dataclass(frozen=True, slots=True)
class Backoff:
    """From `first_s` to `last_s`, each up to a fifth shorter or longer by luck."""

    first_s: float = FIRST_S
    last_s: float = LAST_S

    def wait_s(self, failures: int, luck: random.Random) -> float:
        """How long to wait after this many failures in a row; nothing after none."""
        if failures <= 0:
            return 0.0
        doubled_s = self.first_s * 2.0 ** min(failures - 1, 32)
        return min(self.last_s, doubled_s) * luck.uniform(1 - SPREAD, 1 + SPREAD)
