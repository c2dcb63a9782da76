"""The projection: what we show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from events.envelope import Event, Message


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a projection, and the columns that name one of its rows.

    `only_grows`: a row that was put once stays as it is, and nobody has the right to change it.
    `latest_by` is then the column, with an index, by which the latest rows are asked for first.
    """

    name: str
    key: tuple[str, ...]
    only_grows: bool = False
    latest_by: str = ""


class Rows(Protocol):
    """The tables of one projection, for writing only.

    Nothing is read back and nothing is sent at once: a batch of thousands is a few statements.
    """

    def put(self, table: Table, **values: Any) -> None:
        """Let these columns of the row named by the key columns have these values.

        The row is made if it is missing; columns that are not named keep what they hold.
        """

    def execute(self, sql: str, params: Sequence[Any] = ()) -> None:
        """Run a statement after everything that the batch puts, once however often it is asked for.

        It must make anew what it writes from what the tables hold, so that how the tape is cut into
        batches makes no difference.
        """


@dataclass(frozen=True, slots=True)
class Projection:
    """Bump `version` when `ddl` or `apply` changes: it is rebuilt by replay, then swapped.

    Each version has a Postgres schema of its own, in which `ddl` and all statements run, so that
    names need no qualification; `shows` are the tables and views that readers may see. Messages
    arrive once each, in order per key; between topics there is no order, so what is shown must not
    depend on one. `reads` includes subclasses; `leaves` are types of it that stay on the tape.
    `ledgers` are the tables that only grow. `indexes` are those that only readers need: a build
    that nobody reads yet is given them when its rows are there, at half the cost. `latest`: of the
    messages for which it gives the same, each undoes the one before, and of many read together the
    last alone is folded in.
    `proven`: what is folded in becomes a leaf of its partition's log, in the same transaction.
    """

    name: str
    version: int
    ddl: str
    shows: tuple[str, ...]
    reads: tuple[type[Event], ...]
    apply: Callable[[Rows, Message[Any]], None]
    leaves: tuple[type[Event], ...] = ()
    ledgers: tuple[Table, ...] = ()
    indexes: str = ""
    latest: Callable[[Any], str] | None = None
    proven: bool = False

    @property
    def consumer(self) -> str:
        """The name under which this version keeps its place on the tape."""
        return f"projection-{self.name}-v{self.version}"

    def wants(self, kind: type[Event]) -> bool:
        """Whether messages of this class are folded in."""
        return issubclass(kind, self.reads) and kind not in self.leaves
