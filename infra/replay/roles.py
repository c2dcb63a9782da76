"""In what environments the roles ran that a replay runs again, as they said when they started.

A prediction and an execution name theirs themselves. What bars, features, signals and verdicts are
does not say where it was made, so each start of those roles counts, however long it went on.
"""

from __future__ import annotations

from confluent_kafka import Consumer

from events.roles import RoleStarted
from infra.config import Config
from infra.replay.level import Level
from infra.replay.range import LATEST, Where, offsets
from infra.run import commands
from infra.stream import kafka, tape, wire
from infra.stream.wire import Ids
from processors.bars import BARS
from processors.features import FEATURES_OF_BARS
from processors.signals import SIGNALS
from schemas.catalog import topic_of
from schemas.codec import Undecodable

OF_STREAM = (BARS.name, FEATURES_OF_BARS.name, "", SIGNALS.name)
"""By stage; inference says it with each prediction."""


def environments(
    config: Config, client: Consumer, ids: Ids, level: Level, end: Where
) -> frozenset[str]:
    """The digests that were told up to `end`, by the roles whose work the level runs again."""
    roles = {*OF_STREAM[: level.stages], *([commands.CONSUMER] if level is Level.R3 else ())}
    topic = topic_of(RoleStarted).name
    name, found = kafka.topic_name(config, topic), set()
    until = end if end.is_everywhere else Where(LATEST)
    for number, high in offsets(config, client, topic, until, LATEST).items():
        low, _ = tape.bounds(client, name, number)
        for batch in tape.read(client, name, number, low, high):
            for record in batch:
                try:
                    event = wire.event_of(record, ids)
                except (ValueError, Undecodable, LookupError):
                    continue  # a dead letter has it
                if isinstance(event, RoleStarted) and event.role in roles:
                    found.add(event.environment_digest)
    return frozenset(found)
