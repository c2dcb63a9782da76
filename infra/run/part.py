"""A part of the tape as one transaction, and the thread that commits one while the next is folded.

Postgres and Python work at the same time: what waits for the database holds no lock of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from types import TracebackType

from infra.proofs import leaves
from infra.proofs.leaves import Appender
from infra.store import canaries, offsets, read_models
from infra.store.canaries import Canary
from infra.store.copying import Copying
from infra.store.offsets import Advance
from infra.store.postgres import Connection
from infra.store.read_models import Build
from infra.store.rows import BatchRows, upserted
from projections.projection import Projection

COPIED_ROWS_MIN = 500
"""Fewer rows are there sooner when nothing waits for an answer before the last."""


@dataclass(frozen=True, slots=True)
class Part:
    """What some messages have done to a build of a read model: rows, leaves, places, a canary."""

    projection: Projection
    build: Build
    rows: BatchRows
    copying: Copying
    leaves: leaves.Batch | None
    canary: Canary | None
    steps: Sequence[Advance]

    def commit(self, connection: Connection, conninfo: str) -> None:
        """Write all of it, or nothing; `Superseded` if another process has done so meanwhile."""
        many = len(self.rows) >= COPIED_ROWS_MIN
        pipeline = nullcontext() if many else connection.pipeline()  # which has no place for COPY
        consumer = read_models.consumer_of(self.projection, self.build)
        with Appender.refusing(), pipeline, connection.transaction():
            with connection.cursor() as cursor:
                if self.build is Build.LIVE:
                    read_models.join(cursor, conninfo, self.projection)
                read_models.enter(cursor, conninfo, self.projection, self.build)
                self.rows.send(cursor, self.copying if many else upserted)
                if self.leaves is not None:
                    leaves.insert(cursor, conninfo, self.leaves)
                if self.canary is not None:
                    canaries.put(cursor, consumer, self.canary)
            with connection.cursor() as cursor:
                offsets.advance(cursor, consumer, self.steps)


class Behind:
    """Does one piece of work at a time on a thread of its own, a step behind who gives it."""

    def __init__(self, name: str) -> None:
        self._thread = ThreadPoolExecutor(1, name)
        self._under_way: Future[None] | None = None

    def begin(self, work: Callable[[], None]) -> None:
        """Begin when what was begun before is done; raises what that has raised."""
        self.finish()
        self._under_way = self._thread.submit(work)

    def finish(self) -> None:
        """Wait until nothing is under way; raises what the work has raised."""
        work, self._under_way = self._under_way, None
        if work is not None:
            work.result()

    def close(self) -> None:
        """Wait until nothing is under way, whatever becomes of it."""
        self._thread.shutdown()

    def __enter__(self) -> Behind:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        raised: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self.close()
