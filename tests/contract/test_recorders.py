"""Where events are kept: what holds in memory holds in Postgres, and the other way round."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from infra.store import offsets, postgres
from infra.store.offsets import Advance, Superseded
from infra.store.recorders import (
    Conflict,
    Effects,
    MemoryRecorder,
    Recorder,
    StoredEvent,
    open_recorder,
)

Begin = Callable[[str, str, int, int], None]
Kit = tuple[Recorder, Begin]


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.services)])
def kit(request: pytest.FixtureRequest) -> Iterator[Kit]:
    """A recorder, and how a consumer of it begins to read a partition."""
    if request.param == "memory":
        yield MemoryRecorder(), lambda *_: None
        return
    conninfo = postgres.address(request.getfixturevalue("postgres"))
    recorder = open_recorder(conninfo)
    with postgres.connect(conninfo) as connection:

        def begin(consumer: str, topic: str, partition: int, first: int) -> None:
            offsets.resume(connection, consumer, topic, partition, first)

        yield recorder, begin
    recorder.close()


def entry(stream: str, version: int, state: bytes = b"x") -> StoredEvent:
    return StoredEvent(stream, version, "Type", state)


def versions(recorder: Recorder, stream: str, after: int = 0) -> list[int]:
    return [e.originator_version for e in recorder.streams_after({stream: after})]


def test_entries_come_back_as_they_were(kit: Kit) -> None:
    recorder, _ = kit
    kept = [entry("a:ü/1", 1, b"\x00\xff"), entry("a:ü/1", 2, b"")]
    recorder.insert(kept)
    assert recorder.streams_after({"a:ü/1": 0}) == kept


def test_the_log_has_all_streams_in_order(kit: Kit) -> None:
    recorder, _ = kit
    assert recorder.last_id() == 0
    first = recorder.insert([entry("a", 1), entry("b", 1)])
    second = recorder.insert([entry("a", 2)])
    log = recorder.log_after(0, 10)
    assert [n.id for n in log] == [*first, *second] == sorted(n.id for n in log)
    assert [(n.originator_id, n.originator_version) for n in log] == [("a", 1), ("b", 1), ("a", 2)]
    assert [n.id for n in recorder.log_after(first[0], 1)] == [first[1]]
    assert recorder.last_id() == second[0]


def test_several_streams_are_read_at_once_each_from_its_version(kit: Kit) -> None:
    recorder, _ = kit
    recorder.insert([entry(stream, version) for stream in "ab" for version in (1, 2, 3)])
    read = recorder.streams_after({"a": 1, "b": 2, "c": 0})
    places = [(e.originator_id, e.originator_version) for e in read]
    assert sorted(places) == [("a", 2), ("a", 3), ("b", 3)]


def test_a_version_that_is_taken_is_a_conflict_and_nothing_is_written(kit: Kit) -> None:
    recorder, _ = kit
    recorder.insert([entry("a", 1)])
    with pytest.raises(Conflict):
        recorder.insert([entry("b", 1), entry("a", 1)])
    assert versions(recorder, "b") == []
    assert len(recorder.log_after(0, 10)) == 1


def test_a_version_cannot_be_given_twice_at_once(kit: Kit) -> None:
    recorder, _ = kit
    with pytest.raises(Conflict):
        recorder.insert([entry("a", 1), entry("a", 1)])
    assert recorder.last_id() == 0


def test_what_was_read_is_stored_with_what_it_caused(kit: Kit) -> None:
    recorder, begin = kit
    begin("me", "t", 0, 5)
    step = Advance("t", 0, 5, 8)
    recorder.insert([entry("a", 1)], Effects("me", (step,)))
    with pytest.raises(Superseded):
        recorder.insert([entry("a", 2)], Effects("me", (step,)))
    assert versions(recorder, "a") == [1]
    recorder.insert([], Effects("me", (Advance("t", 0, 8, 9),)))
    recorder.insert([entry("a", 2)], Effects("me", (Advance("t", 0, 9, 10),)))
    assert versions(recorder, "a") == [1, 2]


def test_a_conflict_leaves_the_place_on_the_tape_as_it_was(kit: Kit) -> None:
    recorder, begin = kit
    begin("me", "t", 0, 0)
    recorder.insert([entry("a", 1)])
    step = Advance("t", 0, 0, 1)
    with pytest.raises(Conflict):
        recorder.insert([entry("a", 1)], Effects("me", (step,)))
    recorder.insert([entry("a", 2)], Effects("me", (step,)))
    assert versions(recorder, "a") == [1, 2]


def test_one_of_several_partitions_that_has_moved_on_stops_all(kit: Kit) -> None:
    recorder, begin = kit
    begin("me", "t", 0, 0)
    begin("me", "t", 1, 0)
    recorder.insert([], Effects("me", (Advance("t", 1, 0, 4),)))
    with pytest.raises(Superseded):
        recorder.insert([], Effects("me", (Advance("t", 0, 0, 1), Advance("t", 1, 0, 1))))
    recorder.insert([], Effects("me", (Advance("t", 0, 0, 1), Advance("t", 1, 4, 5))))


def test_consumers_do_not_hinder_each_other(kit: Kit) -> None:
    recorder, begin = kit
    for consumer in ("me", "you"):
        begin(consumer, "t", 0, 0)
        recorder.insert([], Effects(consumer, (Advance("t", 0, 0, 1),)))
