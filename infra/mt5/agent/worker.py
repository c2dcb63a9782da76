"""One thread that does one thing after the other, and can be watched while it does."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Thread
from time import monotonic
from typing import TypeVar

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


class Worker:
    """Jobs in the order of their coming. A job that hangs holds up the others, and nobody else."""

    def __init__(self, name: str) -> None:
        self._jobs: SimpleQueue[tuple[Running, Callable[[], None]] | None] = SimpleQueue()
        self.running = IDLE
        Thread(target=self._work, name=name, daemon=True).start()

    @property
    def waiting(self) -> int:
        """How many jobs have not begun."""
        return self._jobs.qsize()

    def submit(self, name: str, until_s: float, job: Callable[[], T]) -> Future[T]:
        """Have a job done. One whose future has been cancelled is not begun."""
        future: Future[T] = Future()

        def work() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(job())
            except BaseException as error:
                future.set_exception(error)

        self._jobs.put((Running(name, until_s), work))
        return future

    def close(self) -> None:
        """End when what has been submitted is done."""
        self._jobs.put(None)

    def _work(self) -> None:
        while (next_job := self._jobs.get()) is not None:
            self.running, work = next_job
            work()
            self.running = IDLE
