"""One reading of the tape for several projections that may stand at different places."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from confluent_kafka import OFFSET_END, KafkaError, KafkaException, TopicPartition

from infra.config import Config
from infra.observe import telemetry
from infra.proofs.leaves import Appender
from infra.run.folding import Folding, Place
from infra.run.intake import Intake
from infra.run.part import Behind, Part
from infra.store import offsets, postgres, read_models
from infra.store.canaries import Canary
from infra.store.offsets import Cursors, Superseded
from infra.store.postgres import Connection
from infra.stream import kafka
from infra.stream.schema_ids import SchemaIds
from infra.stream.topic_watch import TopicWatch
from infra.stream.wire import Record
from projections.projection import Projection
from schemas.catalog import CANARIES, EVERY_TOPIC, TOPICS

ROLE = "projections"
BATCH_MAX = 4_000
LINGER_S = 0.03
"""How long a record may wait for others: a transaction costs as much as a hundred rows."""
REPORT_EVERY_S = 1.0
FETCH_KIB_MAX = 16_384

Cut = tuple[Folding, Part | None, bool]
"""A part of a projection to be committed, and whether it has then seen all there is."""

log = logging.getLogger(__name__)


class Reading:
    """From the stored offsets to the first trouble. Then it is thrown away and made again."""

    def __init__(
        self,
        config: Config,
        conninfo: str,
        connection: Connection,
        asking: Connection,
        ids: SchemaIds,
    ) -> None:
        self._config = config
        self._conninfo = conninfo
        self._connection = connection
        self._intake = Intake(config, ROLE, ids, asking)  # while the other one commits
        self._client = kafka.consumer(
            config,
            ROLE,
            enable_partition_eof=True,
            queued_max_messages_kbytes=FETCH_KIB_MAX,
            auto_offset_reset="error",
        )
        self._catalog = {kafka.topic_name(config, topic.name): topic.name for topic in EVERY_TOPIC}
        self._topics = TopicWatch(config, {})
        self._anew: frozenset[str] = frozenset()
        self._foldings: list[Folding] = []
        self._stopped: set[Place] = set()
        self._shown: set[Folding] = set()
        self._failed: dict[Folding, psycopg.Error] = {}
        self._behind = Behind(ROLE)
        self._reported_s = 0.0

    def start(self, projections: Sequence[Projection]) -> None:
        """Go on where each projection stands, reading from the hindmost."""
        names = [kafka.topic_name(self._config, topic.name) for topic in TOPICS]
        self._topics = TopicWatch(self._config, kafka.topic_ids(self._config, names))
        self._anew = offsets.replaced(self._connection, self._topics.ids)
        for projection in projections:
            self._foldings.append(self._resumed(projection))
        starts: dict[Place, int] = {}
        for folding in self._foldings:
            for place, cursors in folding.cursors.items():
                starts[place] = min(cursors.next_offset, starts.get(place, cursors.next_offset))
        starts |= {(CANARIES.name, number): OFFSET_END for number in range(CANARIES.partitions)}
        self._client.assign([self._partition(place, at) for place, at in starts.items()])

    def turn(self) -> None:
        """Read once, fold, commit. Raises what only a fresh start can mend."""
        records, produced_ms, ends = self._poll()
        for place, batch in records.items():
            if place[0] == CANARIES.name:
                self._let_by(batch)
            else:
                self._give(place, batch)
        for place, offset in ends.items():
            self._at_end(place, offset)
        self._commit(produced_ms)
        self._report()

    def close(self) -> None:
        """Leave the tape, when what is being committed is."""
        self._behind.close()
        self._client.close()

    def _resumed(self, projection: Projection) -> Folding:
        cursors: dict[Place, Cursors] = {}
        halted = 0
        topics = [t for t in TOPICS if any(projection.wants(kind) for kind in t.carries)]
        with self._connection.transaction():
            for topic in topics:
                name = kafka.topic_name(self._config, topic.name)
                if name not in self._topics.ids:  # it may come back as another, and unnoticed
                    raise KafkaException(KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART, name))
                for number in kafka.partitions_of(self._client, name):
                    place = (topic.name, number)
                    low, high = kafka.bounds(self._client, name, number)
                    at = offsets.resume(self._connection, projection.consumer, *place, low)
                    if low <= at.next_offset <= high and name not in self._anew:
                        cursors[place] = at
                    else:
                        halted += 1
                        self._halt(projection, place, at.next_offset, low, high)
        telemetry.STOPPED.labels(projection.consumer).set(halted)
        log = Appender(self._connection, self._conninfo, cursors) if projection.proven else None
        return Folding(projection, self._conninfo, cursors, log)

    def _poll(self) -> tuple[dict[Place, list[Record]], dict[str, int], dict[Place, int]]:
        records: dict[Place, list[Record]] = defaultdict(list)
        produced_ms: dict[str, int] = {}
        ends: dict[Place, int] = {}
        fetched: list[Any] = self._client.consume(BATCH_MAX, LINGER_S)
        for each in fetched:
            topic, number = self._catalog[each.topic()], each.partition()
            error = each.error()
            if error is None:
                headers = each.headers() or ()
                records[topic, number].append(
                    Record(topic, number, each.offset(), each.key(), each.value(), headers)
                )
                if topic not in produced_ms:
                    produced_ms[topic] = each.timestamp()[1]
            elif error.code() == KafkaError._PARTITION_EOF:
                ends[topic, number] = each.offset()
            elif not kafka.mends_itself(error):
                raise KafkaException(error)
        return records, produced_ms, ends

    def _give(self, place: Place, batch: list[Record]) -> None:
        if place in self._stopped:
            return
        taken = self._intake.take(batch)
        repeats = 0
        for folding in list(self._foldings):
            try:
                repeats += folding.fold(place, taken)
            except Exception as bug:  # of this projection alone: the others go on
                self._drop(folding, bug)
        telemetry.REPEATS.labels(ROLE).inc(repeats)
        telemetry.HANDLED.labels(ROLE, place[0]).inc(len(taken.messages))
        if taken.stopped_by is not None:
            self._stopped.add(place)
            self._client.pause([self._partition(place, taken.next_offset)])
            log.critical("stopped at a record of %s/%s that cannot be read", *place)

    def _let_by(self, batch: list[Record]) -> None:
        """A canary is only about now: of many that come together the last one counts."""
        for newest in self._intake.take(batch).messages[-1:]:
            at = newest.position
            assert at is not None  # it was read from the tape
            canary = Canary(at.partition, at.offset, newest.event.sent_at_us)
            for folding in self._foldings:
                folding.pass_by(canary)

    def _at_end(self, place: Place, offset: int) -> None:
        if place not in self._stopped:
            for folding in self._foldings:
                folding.at_end(place, offset)

    def _commit(self, produced_ms: Mapping[str, int]) -> None:
        """Begin to commit what has been folded, when the commit before it is done."""
        self._settle()
        if not produced_ms and time.monotonic() - self._reported_s < REPORT_EVERY_S:
            return
        cuts = [(folding, folding.cut(), not folding.behind) for folding in self._foldings]
        self._behind.begin(lambda: self._write(cuts, produced_ms))

    def _settle(self) -> None:
        """Wait for the commit that is under way, and drop those projections that it could not."""
        self._behind.finish()
        while self._failed:
            self._drop(*self._failed.popitem())

    def _write(self, cuts: Sequence[Cut], produced_ms: Mapping[str, int]) -> None:
        for folding, part, caught_up in cuts:
            try:
                if part is not None:
                    part.commit(self._connection, self._conninfo)
                if caught_up:
                    self._show(folding)
            except psycopg.errors.ProgramLimitExceeded as bug:  # no trouble that passes
                self._failed[folding] = bug
            except (Superseded, *postgres.AWAY):
                raise
            except psycopg.Error as bug:
                self._failed[folding] = bug
        for topic, at_ms in produced_ms.items():
            telemetry.LATENCY.labels(ROLE, topic).observe(time.time() - at_ms / 1000)

    def _show(self, folding: Folding) -> None:
        """A version that has seen all there is takes the place of the one before."""
        if folding not in self._shown:
            read_models.show(self._connection, self._conninfo, folding.projection)
            self._shown.add(folding)

    def _drop(self, folding: Folding, bug: Exception) -> None:
        self._foldings.remove(folding)
        telemetry.STOPPED.labels(folding.projection.consumer).set(len(folding.cursors))
        log.critical("%s stops: %s", folding.projection.consumer, bug, exc_info=bug)

    def _halt(self, projection: Projection, place: Place, at: int, low: int, high: int) -> None:
        log.critical(
            "%s stands at offset %d of %s/%d, which holds %d to %d: the topic was made anew, or "
            "has lost what was not read yet; this partition is not read",
            *(projection.consumer, at, *place, low, high),
        )

    def _report(self) -> None:
        if time.monotonic() - self._reported_s < REPORT_EVERY_S:
            return
        self._reported_s = time.monotonic()
        telemetry.STOPPED.labels(ROLE).set(len(self._stopped))
        self._intake.look_again()
        self._topics.look()
        for folding in self._foldings:
            for place, cursors in folding.cursors.items():
                at = self._partition(place, cursors.next_offset)
                _, high = self._client.get_watermark_offsets(at, cached=True)
                lag = telemetry.LAG.labels(folding.projection.consumer, place[0], str(place[1]))
                lag.set(max(0, high - cursors.next_offset))

    def _partition(self, place: Place, offset: int) -> TopicPartition:
        return TopicPartition(kafka.topic_name(self._config, place[0]), place[1], offset)
