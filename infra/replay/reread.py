"""What was recorded, read again: every record of every topic, decoded, in order, and hashed."""

from __future__ import annotations

from hashlib import sha256

from infra.config import Config
from infra.replay.apart import Shown
from infra.replay.found import Count, Mismatch
from infra.replay.part import TICKS, Found
from infra.replay.range import EARLIEST, LATEST, Where, offsets
from infra.stream import kafka, tape, wire
from infra.stream.wire import FRAME_BYTES, Ids, Record
from schemas.catalog import TOPICS, Topic


def reread(config: Config, ids: Ids, start: Where, end: Where, shown: Shown) -> list[Found]:
    """A find per topic: a record that cannot be read any more, or stands before its time, differs.

    Positions bound the topic that they are about; the others are read whole.
    """
    found = []
    for done, topic in enumerate(TOPICS):
        found.append(_topic(config, ids, topic, start, end))
        shown(done + 1, len(TOPICS))
    return found


def _topic(config: Config, ids: Ids, topic: Topic, start: Where, end: Where) -> Found:
    count, hashes, first = Count(), {}, None
    start, end = (
        each if topic.name == TICKS or each.is_everywhere else Where(edge)
        for each, edge in ((start, EARLIEST), (end, LATEST))
    )
    with tape.reader(config) as client:
        starts = offsets(config, client, topic.name, start, EARLIEST)
        ends = offsets(config, client, topic.name, end, LATEST)
        for number, low in starts.items():
            name, hashed = kafka.topic_name(config, topic.name), sha256()
            for batch in tape.read(client, name, number, low, ends[number]):
                for record in batch:
                    hashed.update(_canonical(record))
                    count.inputs += 1
                    if _is_whole(record, ids):
                        count.equal += 1
                    else:
                        count.different += 1
                        first = first or Mismatch(topic.name, str(record.offset), None, record)
            hashes[str(number)] = hashed.hexdigest()
    return Found(topic.name, count, first, hashes)


def _is_whole(record: Record, ids: Ids) -> bool:
    try:
        wire.read(record, ids)
    except (ValueError, LookupError):
        return False
    return True


def _canonical(record: Record) -> bytes:
    """The record without its schema's id, which another registry gives anew."""
    parts = [record.key or b"", (record.value or b"")[FRAME_BYTES:]]
    parts += [part for name, text in sorted(record.headers) for part in (name.encode(), text)]
    return b"".join(b"%d:%b" % (len(part), part) for part in parts)
