"""A build of a read model that nobody reads yet, folded from the tape up to given positions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from confluent_kafka import Consumer
from msgspec.structs import replace

from infra import fault
from infra.asof.vectors import bounds_of
from infra.config import Config, ConfigError
from infra.run.folding import Folding, Place
from infra.run.intake import Intake
from infra.run.part import Behind
from infra.store import offsets, read_models
from infra.store.postgres import Connection
from infra.store.read_models import Build
from infra.stream import kafka, tape
from infra.stream.schema_ids import SchemaIds
from infra.stream.wire import Record
from projections.projection import Projection

ROLE = "rebuild"
COMMIT_RECORDS = 20_000
"""A killed rebuild reads again at most so much; and so much is in memory at once."""

Told = Callable[[int], None]
"""Hears how many records more have been folded and committed."""


class Shadow:
    """A build from where it stands. After any exception it is to be made again.

    A thread commits over `connection`; `asking` is for questions meanwhile.
    """

    def __init__(
        self,
        config: Config,
        conninfo: str,
        connection: Connection,
        asking: Connection,
        client: Consumer,
        projection: Projection,
        build: Build,
    ) -> None:
        self._config = config
        self._conninfo = conninfo
        self._connection = connection
        self._client = client
        self._intake = _Reread(
            config, ROLE, SchemaIds(config), asking
        )  # while the other one commits
        consumer = read_models.consumer_of(projection, build)
        with connection.transaction():
            read_models.make(connection, conninfo, projection, build)
            cursors = {
                place: offsets.resume(connection, consumer, *place, low)
                for place, (low, _) in bounds_of(config, client, projection).items()
            }
        self._folding = Folding(projection, conninfo, cursors, build=build)

    @property
    def stands(self) -> dict[Place, int]:
        """The next offset of each partition."""
        return {place: at.next_offset for place, at in self._folding.cursors.items()}

    def to(self, target: Mapping[Place, int], told: Told = lambda _: None) -> None:
        """Fold exactly what stands before these positions, and commit it."""
        with Behind("rebuild-commits") as behind:
            uncommitted = 0
            for place, end in target.items():
                for batch in self._batches(place, end):
                    self._fold(place, batch)
                    uncommitted += len(batch)
                    if uncommitted >= COMMIT_RECORDS:
                        self._commit(behind, uncommitted, told)
                        uncommitted = 0
                self._folding.at_end(place, end)
            self._commit(behind, uncommitted, told)
            behind.finish()

    def index(self) -> None:
        """Make the indexes for readers that are missing: belongs where most rows are there."""
        read_models.index(
            self._connection, self._conninfo, self._folding.projection, self._folding.build
        )

    def _commit(self, behind: Behind, records: int, told: Told) -> None:
        """Begin to commit what has been folded, once the part before is committed."""
        part = self._folding.cut()

        def work() -> None:
            if part is not None:
                part.commit(self._connection, self._conninfo)
            told(records)
            fault.point("rebuild committed a part")

        behind.begin(work)

    def left(self, target: Mapping[Place, int]) -> int:
        """How many offsets lie between here and these positions."""
        stands = self.stands
        return sum(max(0, end - stands.get(place, 0)) for place, end in target.items())

    def _batches(self, place: Place, end: int) -> Iterator[list[Record]]:
        name = kafka.topic_name(self._config, place[0])
        return tape.read(self._client, name, place[1], self.stands[place], end)

    def _fold(self, place: Place, batch: list[Record]) -> None:
        taken = self._intake.take([replace(record, topic=place[0]) for record in batch])
        self._folding.fold(place, taken)
        if taken.stopped_by is not None:
            held = f"{place[0]}/{place[1]}/{taken.next_offset}"
            raise ConfigError(f"{held} cannot be read ({taken.stopped_by}); see `tapedeck dlq`")


class _Reread(Intake):
    """Reads what the live build has read: what cannot be used was set aside then."""

    def set_aside(self, record: Record, bad: Exception) -> None:
        """Nothing: the dead letter is there."""
