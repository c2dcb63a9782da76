"""The shared tail of a topic: those who follow it hear of its end, whatever ended it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaException

from infra.config import Config
from infra.stream import kafka
from infra.stream.tail import SharedTail
from read_api.tape import TapeAway
from tests.infra.market import IDS

DEADLINE_S = 10.0


class Broken:
    """A consumer that gives nothing but trouble."""

    def __init__(self, trouble: Exception) -> None:
        self._trouble = trouble

    def assign(self, _: Any) -> None:
        pass

    def poll(self, _: float) -> None:
        raise self._trouble

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    "trouble", [KafkaException("gone"), MemoryError("no room"), AssertionError()]
)
def test_no_follower_waits_for_a_tail_that_has_ended(
    trouble: Exception, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(kafka, "consumer", lambda *_, **__: Broken(trouble))
    monkeypatch.setattr(kafka, "partitions_of", lambda *_: [0])
    monkeypatch.setattr(kafka, "bounds", lambda *_: (0, 7))
    config = Config.load({"TAPEDECK_HOME": str(tmp_path)})

    async def followed() -> None:
        tail = SharedTail(config, "bar-events", IDS)
        await tail.started()
        await tail.grown(0, DEADLINE_S)
        with pytest.raises(TapeAway):
            tail.after(0, 7)
        await tail.stop()

    asyncio.run(asyncio.wait_for(followed(), DEADLINE_S))
