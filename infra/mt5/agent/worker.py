"""One thread that does one thing after the other, by lanes, and can be watched while it does."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Condition, Thread
from time import monotonic
from typing import TypeVar

from infra.mt5.agent.lanes import Lane

AGED_S = 0.5
"""What has waited for so long goes next, whatever its lane: no lane waits for ever."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Running:
    """What the worker is at, and until when somebody waits for it."""

    name: str
    until_s: float

    def overdue_s(self) -> float:
        """How long it has been running past its deadline."""
        return max(0.0, monotonic() - self.until_s)


IDLE = Running("", float("inf"))


@dataclass(frozen=True, slots=True)
class _Job:
    since_s: float
    running: Running
    work: Callable[[], None]


class Worker:
    """Jobs by lane, in each in the order of their coming. One that hangs holds up the others."""

    def __init__(self, name: str) -> None:
        self._lanes: dict[Lane, deque[_Job]] = {lane: deque() for lane in Lane}
        self.waited_s = dict.fromkeys(Lane, 0.0)
        """How long the jobs of each lane have waited for their turn, all together."""
        self._changed = Condition()
        self._closed = False
        self.running = IDLE
        Thread(target=self._work, name=name, daemon=True).start()

    def waiting(self, lane: Lane | None = None) -> int:
        """How many jobs have not begun, of a lane or of all."""
        return sum(len(jobs) for each, jobs in self._lanes.items() if lane in (None, each))

    def submit(self, lane: Lane, name: str, until_s: float, job: Callable[[], T]) -> Future[T]:
        """Have a job done. One whose future has been cancelled is not begun."""
        future: Future[T] = Future()

        def work() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(job())
            except BaseException as error:
                future.set_exception(error)

        with self._changed:
            self._lanes[lane].append(_Job(monotonic(), Running(name, until_s), work))
            self._changed.notify()
        return future

    def close(self) -> None:
        """End when what has been submitted is done."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _work(self) -> None:
        while (job := self._next()) is not None:
            self.running = job.running
            job.work()
            self.running = IDLE

    def _next(self) -> _Job | None:
        """The job that goes next, waited for; nothing at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or any(self._lanes.values()))
            heads = [lane for lane, jobs in self._lanes.items() if jobs]
            if not heads:
                return None
            now_s = monotonic()
            oldest = min(heads, key=lambda lane: self._lanes[lane][0].since_s)
            aged = now_s - self._lanes[oldest][0].since_s > AGED_S
            lane = oldest if aged else heads[0]
            job = self._lanes[lane].popleft()
            self.waited_s[lane] += now_s - job.since_s
            return job
