"""A snapshot is whole and of this processor's version, or it is not used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra import whole
from infra.config import Config
from infra.run import snapshots
from infra.run.processing import Partition
from tests.infra.counting import COUNTING, Seen

TOPIC = "market-data-events"
PARTITION = Partition(1, 42, {"test|EURUSD": "0000000000000007"}, {"EURUSD": Seen(7, 1.1)})


def stored(folder: Path) -> Path:
    path = snapshots.path_of(Config.load({"TAPEDECK_HOME": str(folder)}), "counting", 1)
    whole.write(path, snapshots.frozen(COUNTING, TOPIC, PARTITION))
    return path


def test_what_was_kept_comes_back(tmp_path: Path) -> None:
    path = stored(tmp_path)
    assert snapshots.load(path, COUNTING, TOPIC, 1) == PARTITION
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_nothing_kept_is_nothing(tmp_path: Path) -> None:
    assert snapshots.load(tmp_path / "none.snapshot", COUNTING, TOPIC, 1) is None


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: content[:-1],
        lambda content: content[:0],
        lambda content: content[:40] + bytes([content[40] ^ 1]) + content[41:],
        lambda content: content + b"x",
    ],
    ids=["cut", "empty", "bit", "longer"],
)
def test_a_damaged_one_is_not_used_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, spoil: Callable[[bytes], bytes]
) -> None:
    path = stored(tmp_path)
    path.write_bytes(spoil(path.read_bytes()))
    assert snapshots.load(path, COUNTING, TOPIC, 1) is None
    assert "damaged" in caplog.text


def test_one_of_another_version_or_place_is_not_used(tmp_path: Path) -> None:
    path = stored(tmp_path)
    assert snapshots.load(path, replace(COUNTING, version=2), TOPIC, 1) is None
    assert snapshots.load(path, replace(COUNTING, name="other"), TOPIC, 1) is None
    assert snapshots.load(path, COUNTING, "other-events", 1) is None
    assert snapshots.load(path, COUNTING, TOPIC, 0) is None


@given(st.dictionaries(st.text(), st.builds(Seen, st.integers(0, 2**53), st.floats())))
def test_states_come_back_to_the_bit(states: dict[str, Seen]) -> None:
    content = snapshots.frozen(COUNTING, TOPIC, Partition(0, 1, {}, dict(states)))
    again = snapshots.restored(content, COUNTING, TOPIC, 0)
    assert again is not None
    assert snapshots.frozen(COUNTING, TOPIC, again) == content
