"""How far a long command is: a line redrawn on a terminal, one now and then anywhere else."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TextIO

DRAW_EVERY_S = 0.2
LINE_EVERY_S = 5.0
BAR_CELLS = 30


class Progress:
    """A bar for one piece of work; `at` may be called as often as one likes."""

    def __init__(self, what: str, unit: str, to: TextIO | None = None) -> None:
        self._what = what
        self._unit = unit
        self._to = to or sys.stderr
        self._redrawn = self._to.isatty()
        self._began_s = self._next_s = time.monotonic()
        self._done = self._total = 0

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._draw(end="\n")

    def at(self, done: int, total: int) -> None:
        """So much of so much is done."""
        self._done, self._total = done, total
        if time.monotonic() >= self._next_s:
            self._next_s = time.monotonic() + (DRAW_EVERY_S if self._redrawn else LINE_EVERY_S)
            self._draw(end="" if self._redrawn else "\n")

    def line(self, elapsed_s: float) -> str:
        """What is shown after so many seconds."""
        share = self._done / self._total if self._total else 1.0
        bar = "█" * round(share * BAR_CELLS)
        rate = self._done / elapsed_s if elapsed_s > 0.0 else 0.0
        left = f", {(self._total - self._done) / rate:.0f} s left" if rate and share < 1.0 else ""
        counts = f"{self._done:,} of {self._total:,} {self._unit}"
        return f"{self._what} {bar:<{BAR_CELLS}} {share:4.0%}  {counts}, {rate:,.0f}/s{left}"

    def _draw(self, end: str) -> None:
        start = "\r\x1b[2K" if self._redrawn else ""
        print(
            start + self.line(time.monotonic() - self._began_s), end=end, file=self._to, flush=True
        )
