"""What leads where on the tape, for whoever waits for what follows from a command."""

from __future__ import annotations

from commands import DECIDERS
from infra.run import commands as deciding
from infra.store import relay
from infra.stream.identity import EVENT_STORE
from projections import PROJECTIONS
from read_api.receipts import Causes
from schemas.catalog import TOPICS, topic_of


def causes() -> Causes:
    """Of this tape's catalog, deciders and read models."""
    decided: dict[str, set[str]] = {}
    for decider in DECIDERS:
        for command in decider.commands:
            names = {topic_of(event).name for event in decider.events}
            decided.setdefault(topic_of(command).name, set()).update(names)
    return Causes(
        partitions={topic.name: topic.partitions for topic in TOPICS},
        read_by={
            each.name: frozenset(t.name for t in TOPICS if any(map(each.wants, t.carries)))
            for each in PROJECTIONS
        },
        decided={name: frozenset(topics) for name, topics in decided.items()},
        decider=deciding.CONSUMER,
        relay=relay.CONSUMER,
        log=EVENT_STORE,
    )
