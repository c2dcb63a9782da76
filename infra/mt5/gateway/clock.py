"""The gateway's time, as a port: a test or a simulation brings its own."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Wall time for records, monotonic time for waiting."""

    def now_us(self) -> int:
        """UTC microseconds."""

    def monotonic_s(self) -> float:
        """Seconds that never go back."""

    def sleep(self, seconds: float) -> None:
        """Return after this long."""


class SystemClock:
    """The machine's clock."""

    def now_us(self) -> int:
        """UTC microseconds."""
        return time.time_ns() // 1_000

    def monotonic_s(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Return after this long."""
        time.sleep(seconds)
