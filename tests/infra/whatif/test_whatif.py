"""The same choices change nothing; others change exactly what hangs on them; nothing gets out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit
from xml.etree import ElementTree

import pytest
from psycopg.errors import ReadOnlySqlTransaction

from events.values import Side, lots
from infra.config import Config
from infra.replay.range import EARLIEST, LATEST, where
from infra.store import postgres
from infra.store.event_store import EventStore
from infra.stream import kafka, tape
from infra.stream.schema_ids import SchemaIds
from infra.whatif.choices import EVERYONE, Choices
from infra.whatif.compared import Compared, compare
from infra.whatif.recorded import session
from infra.whatif.told import difference
from schemas.catalog import TOPICS
from tests.infra.journal import log_of
from tests.infra.whatif.live import BUYS, SELLS, live

__all__ = ["live"]

LIMITS = {"volume_lots_max": lots("0.50"), "confidence_min": 0.5, "symbols": ("EURUSD",)}
"""As the accounts of the test have them."""


def what_if(config: Config, choices: Choices, start: str = EARLIEST, end: str = LATEST) -> Compared:
    ids = SchemaIds(config)
    return compare(config, ids, choices, where(start), where(end), lambda *_: None)


def test_choices_like_those_that_were_live_change_nothing(live: Config) -> None:
    for choices in (
        Choices(model=BUYS),
        Choices(limits={EVERYONE: LIMITS}),
        Choices(accounts=frozenset("abc")),
        Choices(BUYS, {"a": LIMITS}, frozenset("abc")),
    ):
        found = what_if(live, choices)
        assert (found.different, found.first) == (0, None)
        assert found.counts.signals == found.counts.signals_otherwise > 2
        assert found.counts.decisions == 3 * found.counts.signals
        assert found.counts.not_yet_decided == found.counts.not_yet_recorded == 0
        assert found.live == found.otherwise
        assert len(found.live) == found.counts.decisions


def test_other_limits_of_one_account_change_its_orders_and_no_others(live: Config) -> None:
    found = what_if(live, Choices(limits={"b": {"volume_lots_max": lots("0.20")}}))
    assert found.counts.predictions_changed == found.counts.signals_changed == 0
    assert len(found.changes) == found.different == found.counts.signals
    for change in found.changes:
        assert change.live.account == change.otherwise.account == "b"
        assert (change.live.volume_lots, change.otherwise.volume_lots) == (
            lots("0.50"),
            lots("0.20"),
        )
    assert found.first is not None
    assert found.first.stage == "decisions"
    assert found.first.position.startswith("signal-events/")
    assert found.first.inputs["signal_id"] == "-".join(map(str, found.changes[0].moment.key))
    lost = sum(fill.profit for fill in found.live if fill.account == "b")
    assert difference(found)["USD"] == pytest.approx(-0.6 * lost)


def test_another_model_is_followed_to_its_orders(live: Config) -> None:
    found = what_if(live, Choices(model=SELLS))
    assert found.first is not None
    assert found.first.stage == "inference"
    assert found.first.inputs["feature_digest"]
    assert found.counts.predictions_changed == found.counts.moments
    assert len(found.changes) == found.counts.decisions
    assert {fill.side for fill in found.live} == {Side.BUY}
    assert {fill.side for fill in found.otherwise} == {Side.SELL}
    first, other = found.live[0], found.otherwise[0]
    assert first.opened_us == other.opened_us
    assert first.opened_at - other.opened_at == pytest.approx(0.0002)  # the ask, and the bid
    assert first.spread_paid == pytest.approx(0.0002 * 0.50 * 100_000)


def test_an_account_that_takes_no_part_has_no_orders(live: Config) -> None:
    found = what_if(live, Choices(accounts=frozenset("ac")))
    assert {change.live.account for change in found.changes} == {"b"}
    assert {str(change.otherwise) for change in found.changes} == {"not chosen"}
    assert {fill.account for fill in found.otherwise} == {"a", "c"}


def test_only_the_stretch_that_was_asked_for_is_compared(live: Config) -> None:
    whole = what_if(live, Choices(accounts=frozenset("a")))
    half = what_if(live, Choices(accounts=frozenset("a")), start="200")
    assert 0 < half.counts.moments < whole.counts.moments
    assert half.counts.ticks < whole.counts.ticks
    assert 0 < len(half.changes) < len(whole.changes)


def test_nothing_can_leave_a_what_if(live: Config, tmp_path: Path) -> None:
    """It talks to the tape, its registry and Postgres alone; none of them is changed by it."""
    before = all_of_it(live)
    told = subprocess.run(
        [
            *(sys.executable, "-m", "tests.infra.whatif.watched"),
            *("--limits", "confidence_min=1.0", "volume-lots-max=0.30", "-o", str(tmp_path)),
        ],
        env={**os.environ, **live.environment()},
        capture_output=True,
        text=True,
        check=True,
    )
    watched = json.loads(told.stdout.splitlines()[-1])
    addresses = (f"//{live.kafka}", live.postgres, live.registry)
    assert watched["status"] == 0
    assert watched["terminals"] == []
    allowed = {urlsplit(address).port for address in addresses}
    assert urlsplit(addresses[0]).port in watched["ports"]
    assert set(watched["ports"]) <= allowed
    assert all_of_it(live) == before
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["counts"]["signals"] * 3 == len(result["changed_decisions"])
    assert all(fill["simulated"] for fill in result["simulated"]["otherwise"])
    lines = (tmp_path / "decisions.csv").read_text().splitlines()
    assert len(lines) == 1 + len(result["changed_decisions"])
    assert ElementTree.parse(tmp_path / "chart.svg").getroot().tag.endswith("svg")


def all_of_it(config: Config) -> list[object]:
    """Where each topic ends, and the log."""
    ends: list[object] = []
    with tape.reader(config) as client:
        for topic in TOPICS:
            name = kafka.topic_name(config, topic.name)
            ends += [tape.bounds(client, name, n) for n in kafka.partitions_of(client, name)]
    with EventStore.open(postgres.address(config.postgres, config.namespace)) as store:
        return [ends, log_of(store)]


def test_a_session_of_a_what_if_cannot_write(config: Config) -> None:
    with session(config) as connection, pytest.raises(ReadOnlySqlTransaction):
        connection.execute("create table written (n int)")
