"""Where a processor goes on: its state, and what of its output is on the tape already."""

from __future__ import annotations

import logging
import threading
from collections.abc import Generator, Sequence

from confluent_kafka import Consumer

from infra.config import Config
from infra.run import snapshots
from infra.run.processing import (
    BEFORE_ALL,
    DEAD_LETTERS,
    Partition,
    Place,
    Stage,
    fresh,
    not_yet_written,
    place_of,
)
from infra.stream import kafka, tape
from infra.stream.schema_ids import RegistryAway
from infra.stream.tape import TapeReplaced
from infra.stream.wire import Outgoing, Record, place_if_any

HOLD_S = 1.0
"""How long a record waits before the registry is asked again."""

log = logging.getLogger(__name__)


def resumed(config: Config, client: Consumer, stage: Stage, number: int) -> Partition:
    """The partition as its snapshot has it, or a fresh one, to be folded from the beginning."""
    topic = kafka.topic_name(config, stage.reads)
    path = snapshots.path_of(config, stage.processor.name, number)
    partition = snapshots.load(path, stage.processor, topic, number) or fresh(number)
    _, high = tape.bounds(client, topic, number)
    topic_id = kafka.topic_ids(config, [topic])[topic]
    if partition.next_offset > high or partition.topic_id not in ("", topic_id):
        raise TapeReplaced(  # folding it would repeat effects
            f"{path} is at offset {partition.next_offset} of {topic}/{number}, which ends at "
            f"{high}: the topic was made anew; remove the file if that was meant"
        )
    partition.topic_id = topic_id
    return partition


def tails(config: Config, client: Consumer, stage: Stage, number: int) -> dict[str, Place]:
    """The last place of this source on each topic that the stage writes.

    Its outputs are written in order, so all that come before are on the tape, and none after.
    """
    source = stage.source(number)
    found = {}
    for name, partition in [*((topic, number) for topic in stage.writes), (DEAD_LETTERS, 0)]:
        record = tape.newest(
            client, kafka.topic_name(config, name), partition, lambda r: _from(r, source)
        )
        if record is not None:
            found[name] = place_of(place_if_any(record.headers)[1])
    return found


def caught_up(
    config: Config, stage: Stage, partition: Partition, stop: threading.Event
) -> Generator[list[Outgoing]]:
    """Advance `partition` to the end of the tape; batch by batch, what is not on the tape yet.

    A batch must be written before the next is asked for. Ends early when `stop` is set.
    """
    topic, number = kafka.topic_name(config, stage.reads), partition.number
    with tape.reader(config) as client:
        written = tails(config, client, stage, number)
        _, end = tape.bounds(client, topic, number)
        for batch in tape.read(client, topic, number, partition.next_offset, end):
            outputs: list[Outgoing] = []
            for record in batch:
                caused = _held(stage, partition, record, stop)
                if caused is None:
                    return
                outputs += not_yet_written(caused, record.offset, written)
            yield outputs


def _held(
    stage: Stage, partition: Partition, record: Record, stop: threading.Event
) -> Sequence[Outgoing] | None:
    """What a record causes, waited for while the registry is away; None once `stop` is set."""
    while not stop.is_set():
        try:
            return stage.advance(partition, record)
        except RegistryAway as away:
            log.warning("%s is held: %s", stage.source(partition.number), away)
            stop.wait(HOLD_S)
    return None


def _from(record: Record, source: str) -> bool:
    """Whether this source wrote the record, at a place that a processor can be at."""
    origin, sequence = place_if_any(record.headers)
    try:
        return origin == source and place_of(sequence) > BEFORE_ALL
    except ValueError:
        return False
