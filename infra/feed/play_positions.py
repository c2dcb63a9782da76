"""How far recordings are on the tape already: the tape's end says so, a file says where to look."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from confluent_kafka import Consumer

from events.market import QuoteQuarantined, TickReceived
from infra import whole
from infra.config import Config
from infra.feed.recordings import Recording, begins_us
from infra.stream import kafka, tape, wire
from infra.stream.wire import Record
from schemas.catalog import topic_of

TOPICS = tuple(topic_of(kind).name for kind in (TickReceived, QuoteQuarantined))

NEAR_END = 20_000
"""So many records before the end of each partition a symbol's newest tick is looked for."""

Floors = dict[str, dict[int, int]]
"""By topic and partition: an offset before which there is nothing of a recording."""


def known(config: Config, recordings: Sequence[Recording]) -> dict[Recording, int]:
    """The last line of each recording that is on the tape, in quarantine or not; 0 if none is.

    To be asked after the writers of their symbols were opened: nobody else adds to it then.
    """
    with tape.reader(config) as client:
        ends = {topic: _ends(config, client, topic) for topic in TOPICS}
        floors = _common([_floors(_file(config, each)) for each in recordings])
        found = {
            topic: _last(
                config, client, topic, recordings, _below(floors.get(topic, {}), ends[topic])
            )
            for topic in TOPICS
        }
    lines = {each: max(found[topic].get(each, 0) for topic in TOPICS) for each in recordings}
    for each, line in lines.items():
        file = _file(config, each)
        if line == 0 and not file.exists():
            whole.write(file, json.dumps(ends).encode())
    return lines


def late(config: Config, recordings: Sequence[Recording]) -> dict[Recording, int]:
    """Those that begin before a tick of their symbol near the tape's end, and the time of that.

    What a recording itself has put there does not count: it goes on behind it.
    """
    newest: dict[Recording, int] = {}
    topic = kafka.topic_name(config, topic_of(TickReceived).name)
    with tape.reader(config) as client:
        for partition in kafka.partitions_of(client, topic):
            low, high = tape.bounds(client, topic, partition)
            for batch in tape.read(client, topic, partition, max(low, high - NEAR_END), high):
                for record in batch:
                    _note(newest, recordings, record)
    return {each: at_us for each, at_us in newest.items() if begins_us(each) < at_us}


def _note(newest: dict[Recording, int], recordings: Sequence[Recording], record: Record) -> None:
    for each in recordings:
        if record.key == each.symbol.encode():
            try:
                envelope = wire.envelope_of(record.headers)
            except wire.Unreadable:  # nobody's tick
                continue
            if envelope.source != each.source:
                newest[each] = max(newest.get(each, 0), envelope.time_us)


def _last(
    config: Config,
    client: Consumer,
    topic: str,
    recordings: Sequence[Recording],
    floors: dict[int, int],
) -> dict[Recording, int]:
    wanted = {(each.source, each.symbol.encode()): each for each in recordings}
    found: dict[Recording, int] = {}
    for window in tape.backwards_all(client, kafka.topic_name(config, topic), floors):
        for record in reversed(window):
            source, sequence = wire.place_if_any(record.headers)
            each = wanted.get((source, record.key or b""))
            if each is not None and sequence.isdigit():
                found.setdefault(each, int(sequence))
        if len(found) == len(wanted):
            break
    return found


def _ends(config: Config, client: Consumer, topic: str) -> dict[int, int]:
    name = kafka.topic_name(config, topic)
    return {p: tape.bounds(client, name, p)[1] for p in kafka.partitions_of(client, name)}


def _common(floors: Sequence[Floors]) -> Floors:
    """The lowest of each: what holds for all recordings."""
    first, *others = floors
    return {
        topic: {p: min([at, *(o.get(topic, {}).get(p, 0) for o in others)]) for p, at in of.items()}
        for topic, of in first.items()
    }


def _below(floors: dict[int, int], ends: dict[int, int]) -> dict[int, int]:
    """The floors that hold: one beyond the end is of a topic that was made anew since."""
    return {p: at for p, at in floors.items() if at <= ends.get(p, 0)}


def _floors(file: Path) -> Floors:
    if not file.exists():
        return {}
    stored = json.loads(file.read_text())
    return {topic: {int(p): at for p, at in ends.items()} for topic, ends in stored.items()}


def _file(config: Config, each: Recording) -> Path:
    name = f"{each.source.replace('/', '-')}-{each.symbol}.json"
    return config.home / "play" / kafka.topic_name(config, name)
