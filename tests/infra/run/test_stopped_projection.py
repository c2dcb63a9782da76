"""A projection that a bug has stopped, beside others that go on: the read API says which."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
import pytest

from events.envelope import Message
from infra.config import Config
from infra.run import projections as role
from infra.run import read_api
from infra.stream import kafka
from infra.stream.schema_ids import SchemaIds
from projections import PROJECTIONS, ticks
from projections.projection import Rows
from tests.infra.at_work import running, until
from tests.infra.tape_writer import write
from tests.projections import story

BAD_SEQ = 15


def stumbling(rows: Rows, message: Message[Any]) -> None:
    """As the read model of ticks, with a bug."""
    if message.event.source_seq == BAD_SEQ:
        raise ZeroDivisionError("a bug of this projection")
    ticks.apply(rows, message)


def test_it_is_noticed_while_its_process_lives(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    kafka.ensure_topics(config)
    ids = SchemaIds(config)
    changed = [replace(p, apply=stumbling) if p.name == "ticks" else p for p in PROJECTIONS]
    monkeypatch.setattr(role, "PROJECTIONS", tuple(changed))
    with running(role.run, config), running(read_api.run, config):
        write(config, ids, story.ticks(number=10))
        until(lambda: asked(config).get("ready", False) and asked(config)["stalled"] == [])
        write(config, ids, story.ticks(first_seq=11, number=5))
        until(lambda: not asked(config)["ready"])
        assert [place.split(" ")[0] for place in asked(config)["stalled"]] == ["ticks"]


def asked(config: Config) -> dict[str, Any]:
    """What `/ready` says; nothing before it is there."""
    try:
        said: dict[str, Any] = httpx.get(f"{config.api}/ready").json()
    except httpx.TransportError:
        return {}
    return said
