"""How far a long command is: a line redrawn on a terminal, one now and then anywhere else."""

from __future__ import annotations

import sys
import threading
import time
from typing import TextIO

DRAW_EVERY_S = 0.2
LINE_EVERY_S = 5.0
BAR_CELLS = 30
UNDER_WAY = " …"
ERASED = "\r\x1b[2K"


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

    def __exit__(self, *_ended: object) -> None:
        if self._total:
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
        start = ERASED if self._redrawn else ""
        print(
            start + self.line(time.monotonic() - self._began_s), end=end, file=self._to, flush=True
        )


class Telling:
    """Lines about a start. One that ends in `…` is under way until the next line comes.

    On a terminal such a line counts its seconds, and the next one takes its place.
    """

    def __init__(self, to: TextIO | None = None) -> None:
        self._to = to or sys.stdout
        self._redrawn = self._to.isatty()
        self._under_way = ""
        self._began_s = 0.0
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._count, name="telling", daemon=True)

    def __enter__(self) -> Telling:
        if self._redrawn:
            self._thread.start()
        return self

    def __exit__(self, *_ended: object) -> None:
        self._over.set()
        with self._lock:
            if self._under_way:
                print(file=self._to, flush=True)

    def __call__(self, line: str) -> None:
        """Say a line."""
        with self._lock:
            start = ERASED if self._under_way else ""
            counts = self._redrawn and line.endswith(UNDER_WAY)
            self._under_way, self._began_s = line if counts else "", time.monotonic()
            print(start + line, end="" if counts else "\n", file=self._to, flush=True)

    def _count(self) -> None:
        while not self._over.wait(DRAW_EVERY_S):
            with self._lock:
                if self._under_way and not self._over.is_set():
                    passed_s = time.monotonic() - self._began_s
                    line = f"{ERASED}{self._under_way} {passed_s:.0f} s"
                    print(line, end="", file=self._to, flush=True)
