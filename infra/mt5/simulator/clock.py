"""The broker's one way to know the time, given from outside."""

import time
from typing import Protocol


class Clock(Protocol):
    """Milliseconds of UTC since 1970."""

    def now_ms(self) -> int:
        """The time."""

    def wait_ms(self, duration_ms: int) -> None:
        """Return when that much time has passed."""


class RealClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def wait_ms(self, duration_ms: int) -> None:
        time.sleep(duration_ms / 1000)


class VirtualClock:
    """A clock that a test moves."""

    def __init__(self, now_ms: int) -> None:
        self._now_ms = now_ms

    def now_ms(self) -> int:
        return self._now_ms

    def wait_ms(self, duration_ms: int) -> None:
        """Waiting is moving: nobody else is there to do it."""
        self.advance(duration_ms)

    def advance(self, duration_ms: int) -> None:
        """Let time pass."""
        if duration_ms < 0:
            raise ValueError(f"time cannot go back by {-duration_ms} ms")
        self._now_ms += duration_ms
