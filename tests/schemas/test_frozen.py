"""What was frozen is kept: the classes match, every version reads every other, golden bytes mean
today what they meant when they were written."""

from __future__ import annotations

import json
from typing import Any, cast

import msgspec
import pytest

from events.values import Lots, Price
from infra.stream.frozen import frozen, version_of, writer_of
from schemas import freeze
from schemas.catalog import TYPES
from schemas.codec import Undecodable, decode, decode_as, encode, plan_of
from schemas.compatibility import faults_of
from schemas.freeze import thaw_faults, to_freeze
from schemas.samples import samples_of
from schemas.versions import Frozen, Refused, thawed
from tests.schemas.strategies import enum, record

FROZEN = frozen()


def test_the_classes_of_today_are_frozen() -> None:
    assert thaw_faults(FROZEN) == ()
    assert to_freeze(FROZEN) == ()


@pytest.mark.parametrize("one", FROZEN, ids=lambda one: one.stem)
def test_golden_bytes_mean_what_they_meant(one: Frozen) -> None:
    assert one.golden
    for golden in one.golden:
        event = decode(one.name, bytes.fromhex(golden["bytes"]), writer_of(one.name, one.version))
        today = json.loads(msgspec.json.encode(event))
        kept = today.keys() & golden["value"].keys()
        assert {name: today[name] for name in kept} == {n: golden["value"][n] for n in kept}


@pytest.mark.parametrize("name", TYPES)
def test_todays_samples_are_written_as_they_were_frozen(name: str) -> None:
    latest = max((one for one in FROZEN if one.name == name), key=lambda one: one.version)
    written = [encode(sample).hex() for sample in samples_of(TYPES[name])]
    assert written == [golden["bytes"] for golden in latest.golden]
    assert version_of(TYPES[name]) == latest.version


@pytest.mark.parametrize("name", TYPES)
def test_every_version_reads_what_every_other_wrote(name: str) -> None:
    versions = [one.schema for one in FROZEN if one.name == name]
    pairs = [(reader, writer) for reader in versions for writer in versions]
    assert [faults_of(reader, writer) for reader, writer in pairs] == [()] * len(pairs)


def test_a_version_that_is_not_here_is_undecodable() -> None:
    with pytest.raises(Undecodable, match="OrderFilled has no version 999 here"):
        writer_of("OrderFilled", 999)


SIZE = enum("Size", "big")
HISTORY: tuple[type[Any], ...] = (
    record("R", ("a", int), ("side", enum("Way", "up"))),
    record("R", ("a", int), ("side", enum("Way", "up", "down")), ("b", str | None, None)),
    record(
        "R",
        ("a", int),
        ("side", enum("Way", "up", "down")),
        ("b", str | None, None),
        ("c", Price | None, None),
        ("d", tuple[Lots, ...], ()),
        ("e", SIZE, SIZE["BIG"]),
    ),
)


@pytest.mark.parametrize("writing", HISTORY)
@pytest.mark.parametrize("reading", HISTORY)
def test_versions_that_grew_by_the_rules_read_each_other(
    writing: type[Any], reading: type[Any]
) -> None:
    message = samples_of(writing)[1]
    read = decode_as(reading, encode(message), plan_of(cast(Any, writing)).schema)
    assert read.a == message.a
    assert read.side.value == "up"


def test_a_class_is_frozen_once_and_again_when_it_grew(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: tuple[Frozen, ...] = ()
    for version, kind in enumerate(HISTORY[:2], 1):
        monkeypatch.setattr(freeze, "TYPES", {"R": kind})
        (fresh,) = to_freeze(kept)
        assert (fresh.stem, fresh.schema["name"]) == (f"R.v{version}", "R")
        kept = thawed({name: text for one in (*kept, fresh) for name, text in one.files().items()})
        assert to_freeze(kept) == ()
        assert thaw_faults(kept) == ()


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (("a", int), ("a", str), "R: cannot read what was written before: a: "),
        (("a", int), ("b", int), "R: cannot read what was written before: b: "),
        (("a", Price), ("a", Lots), "a: scale was 8 and cannot become 4"),
        (("a", int, 1), ("a", int), "R: a: the default was removed"),
        (("a", enum("W", "x", "y")), ("a", enum("W", "y", "x")), "R: a: the symbols changed"),
    ],
)
def test_a_change_that_would_lose_or_bend_history_is_refused(
    before: Any, after: Any, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(freeze, "TYPES", {"R": record("R", before)})
    kept = to_freeze(())
    monkeypatch.setattr(freeze, "TYPES", {"R": record("R", after)})
    with pytest.raises(Refused) as refused:
        to_freeze(kept)
    assert said in str(refused.value)
    assert any(said in fault for fault in thaw_faults(kept))


def test_a_class_that_is_gone_or_not_yet_frozen_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(freeze, "TYPES", {"R": record("R", ("a", int))})
    kept = to_freeze(())
    monkeypatch.setattr(freeze, "TYPES", {"S": record("S", ("a", int))})
    gone, new = thaw_faults(kept)
    assert gone.startswith("R: it is frozen and has no class")
    assert new == "S: it changed; `tapedeck schemas freeze`"


def test_a_version_that_was_deleted_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(freeze, "TYPES", {"R": HISTORY[0]})
    (first,) = to_freeze(())
    second = Frozen("R", 2, first.schema, first.golden)
    with pytest.raises(Refused, match=r"R: versions \[2\] are not 1, 2, 3"):
        to_freeze((second,))
