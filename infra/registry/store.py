"""The state of the registry, followed from its topic, and the one way to change it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from threading import Event, Lock
from typing import TypeVar

from infra.config import Config
from infra.registry import refusals
from infra.registry.decisions import Decide
from infra.registry.log import LogAway, Overtaken, SchemaLog
from infra.registry.records import Record
from infra.registry.state import State

A = TypeVar("A")
ATTEMPTS = 3

log = logging.getLogger(__name__)


class Store:
    """Readers see the last state, whether Kafka answers or not; writers wait their turn."""

    def __init__(self, config: Config) -> None:
        self._log = SchemaLog(config, self._apply)
        self._state = State()
        self._turn = Lock()

    def follow(self, stop: Event) -> None:
        """Keep the state up to date until `stop`."""
        self._log.follow(stop)

    @property
    def state(self) -> State:
        """What is registered; refuses until the topic has been read to its end once."""
        if not self._log.loaded:
            raise refusals.store_away("the schemas topic has not been read yet")
        return self._state

    def change(self, decide: Decide[A]) -> A:
        """Decide on the newest state and write what follows; what is so already needs no Kafka."""
        with self._turn:
            for _ in range(ATTEMPTS):
                records, answer = decide(self.state)
                if not records:
                    return answer
                try:
                    self._log.claim()
                    records, answer = decide(self.state)
                    self._log.append(records)
                except Overtaken:
                    log.warning("another registry writes to the same topic")
                    continue
                except LogAway as away:
                    raise refusals.store_away(away) from away
                return answer
        raise refusals.overtaken()

    def _apply(self, records: Sequence[Record]) -> None:
        self._state = self._state.after([one for one in records if _is_sound(one)])


def _is_sound(record: Record) -> bool:
    """As Confluent's registry does, go on after a record that is none of its own, and say so."""
    try:
        State().after([record])
    except (ValueError, KeyError, TypeError) as wrong:
        log.error("a record of the schemas topic is not understood: %r: %s", record[0], wrong)
        return False
    return True
