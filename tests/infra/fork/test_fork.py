"""A fork is the same tape, byte for byte and place by place, and what is done in it stays in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from commands.accounts import ACCOUNTS, HaltAccount
from infra.cli import main
from infra.config import Config, ConfigError
from infra.fork.copying import Way
from infra.fork.making import drop, make
from infra.fork.names import apart, known
from infra.replay.range import LATEST, where
from infra.store import postgres, read_models
from infra.store.event_store import EventStore
from infra.store.recorders import EVENTS_TABLE
from infra.stream import kafka, tape
from infra.stream.wire import Record
from projections import PROJECTIONS
from schemas.catalog import TOPICS
from tests.infra.market import all_of, put, record_of, tick
from tests.infra.whatif.live import live
from tests.orders import said

__all__ = ["live"]


def ends(config: Config) -> dict[tuple[str, int], tuple[int, int]]:
    with tape.reader(config) as client:
        return {
            (topic.name, number): tape.bounds(client, kafka.topic_name(config, topic.name), number)
            for topic in TOPICS
            for number in kafka.partitions_of(client, kafka.topic_name(config, topic.name))
        }


def contents(config: Config) -> list[Any]:
    return [
        (topic.name, r.partition, r.offset, r.key, r.value, tuple(r.headers), r.timestamp_ms)
        for topic in TOPICS
        for r in all_of(config, topic.name)
    ]


def log(config: Config) -> list[Any]:
    with postgres.connect(postgres.address(config.postgres, config.namespace)) as session:
        select = f"select * from {EVENTS_TABLE} order by notification_id"
        return session.execute(select.encode()).fetchall()


def schemas(config: Config, beginning: str) -> list[Any]:
    with postgres.connect(postgres.address(config.postgres, config.namespace)) as session:
        return session.execute(
            "select nspname from pg_namespace where starts_with(nspname::text, %s)", (beginning,)
        ).fetchall()


def replayed(config: Config, seed: str) -> dict[str, Any]:
    told = subprocess.run(
        [sys.executable, "-m", "tests.infra.fork.replaying"],
        env={**os.environ, **config.environment(), "PYTHONHASHSEED": seed},
        capture_output=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(told.stdout)
    return found


def test_a_fork_is_the_same_tape_and_comes_to_the_same_hash(live: Config) -> None:
    made = make(live, "twin", where(LATEST), lambda *_: None)
    fork = apart(live, "twin")
    assert made.whole
    assert made.records == len(contents(live)) > 0
    assert made.entries == len(log(live)) > 0
    assert contents(fork) == contents(live)
    assert ends(fork) == ends(live)
    original, copied = replayed(live, "0"), replayed(fork, "4711")
    assert original["different"] == copied["different"] == 0
    assert copied["stages"] == original["stages"]
    assert original["stages"]["sagas"]["equal"] > 0
    assert copied["hash"] == original["hash"]


def test_what_is_done_in_a_fork_stays_in_it_and_goes_with_it(live: Config) -> None:
    make(live, "play", where(LATEST), lambda *_: None)
    fork, before = apart(live, "play"), (ends(live), contents(live), log(live))
    put(fork, [record_of(tick("EURUSD", 90_000))])
    with EventStore.open(postgres.address(fork.postgres, fork.namespace)) as store:
        store.handle(ACCOUNTS, said(HaltAccount(account="a", reason="only here")))
    address = postgres.address(fork.postgres, fork.namespace)
    read_models.prepare(address, PROJECTIONS)
    assert schemas(live, read_models.prefix(address))
    assert len(log(fork)) == len(before[2]) + 1
    assert ends(fork) != before[0]
    drop(live, "play")
    assert not schemas(live, read_models.prefix(address))
    assert (ends(live), contents(live), log(live)) == before
    assert known(live) == []
    present = kafka.admin(live).list_topics(timeout=10).topics
    assert not [name for name in present if name.startswith(f"{fork.namespace}.")]
    with pytest.raises(ConfigError, match="no fork play"):
        drop(live, "play")


def test_a_fork_ends_where_it_was_asked_to(live: Config) -> None:
    signals = all_of(live, "signal-events")
    place = signals[len(signals) // 2]
    at = where(f"signal-events/{place.partition}/{place.offset}")
    made = make(live, "half", at, lambda *_: None)
    fork = apart(live, "half")
    there = all_of(fork, "signal-events")
    assert there[-1].offset == place.offset
    assert 0 < made.entries < len(log(live))
    assert log(fork) == log(live)[: made.entries]


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("signal-events/0/99999", "no record stands there; the partition ends at"),
        ("signal-events/9/0", "has no partition 9"),
        ("dreams/0/0", "dreams is no topic; there are market-data-events, "),
    ],
)
def test_a_fork_is_not_made_up_to_what_is_not_there(live: Config, place: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        make(live, "beyond", where(place), lambda *_: None)
    assert known(live) == []


@pytest.mark.parametrize(
    "words",
    [
        "run proofs",
        "run witness notary",
        "audit verify",
        "audit key",
        "drill tamper",
        "erase",
        "erase me --ground x",
    ],
)
def test_a_fork_has_no_keys_and_nobody_to_erase(
    words: str, config: Config, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in replace(config, namespace="fork-x").environment().items():
        monkeypatch.setenv(name, value)
    assert main.main(words.split()) == main.USAGE_ERROR
    assert "TAPEDECK_NAMESPACE is fork-x, a fork: " in capsys.readouterr().err


def test_nothing_in_a_fork_reaches_a_terminal(
    config: Config, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fork = replace(config, namespace="fork-x")
    for name, value in fork.environment().items():
        monkeypatch.setenv(name, value)
    account = fork.accounts[0]
    for role in (["gateway", account], ["bridge"], ["venue"], ["agent", account]):
        assert main.main(["run", *role]) == main.USAGE_ERROR
        assert "a fork: nothing in it reaches a terminal" in capsys.readouterr().err
    assert main.main(["up"]) == main.USAGE_ERROR
    with pytest.raises(ConfigError, match="is a fork"):
        apart(fork, "again")


@pytest.mark.parametrize(
    ("offsets", "end", "steps"),
    [
        ((0, 1, 2), 3, "ppp"),
        ((0, 1, 3), 5, "pmm"),
        ((0, 3), 4, "php"),
        ((2, 3), 6, "hpph"),
    ],
)
def test_holes_are_made_by_what_fills_them(offsets: Sequence[int], end: int, steps: str) -> None:
    way = Way(0, (Record("t", 0, n, None, b"", ()) for n in offsets), end)
    found = ""
    while not way.over:
        found += "p" * len(list(way.plain()))
        if way.alone() is not None:
            found += "m"
        elif way.hole:
            way.at += way.hole
            found += "h"
    assert (found, way.at) == (steps, end)
