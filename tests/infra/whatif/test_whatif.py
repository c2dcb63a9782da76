"""The same choices change nothing; others change exactly what hangs on them; nothing gets out."""

from __future__ import annotations

from typing import Any

import pytest

from events.values import Side, lots
from infra.config import Config
from infra.replay.range import EARLIEST, LATEST, where
from infra.stream import kafka
from infra.stream.schema_ids import SchemaIds
from infra.whatif.choices import EVERYONE, Choices
from infra.whatif.compared import Compared, compare
from infra.whatif.told import difference
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


def test_nothing_can_leave_a_what_if(live: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a what-if makes a producer")

    monkeypatch.setattr(kafka, "Producer", refuse)
    assert what_if(live, Choices(model=SELLS)).different
