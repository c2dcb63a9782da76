"""Recordings go onto the tape once, in the order of time; what is wrong with them is told."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path

import pytest
import zstandard
from rich.console import Console

from events.market import QuoteFault, QuoteQuarantined, TickReceived
from infra.config import Config, ConfigError
from infra.feed import play, play_positions
from infra.feed.play import Tally
from infra.feed.quote_judge import Said
from infra.feed.recordings import Recording, recording, said
from infra.stream import kafka, wire
from schemas.catalog import topic_of
from tests.infra.at_work import until
from tests.infra.market import IDS, all_of
from tests.infra.tape_writer import write_raw

START_MS = 1_398_902_400_000
HEADER = "ts_ms,bid,ask,bid_vol,ask_vol"
MT5_EXPORT = """\
<DATE>\t<TIME>\t<BID>\t<ASK>\t<LAST>\t<VOLUME>\t<FLAGS>
2014.05.01\t00:00:00.292\t1.38676\t1.38686\t\t\t6
2014.05.01\t00:00:00.920\t\t1.38687\t\t\t4
2014.05.01\t00:00:01.000\t1.38670\t\t\t\t2
2014.05.01\t00:00:01.0x0\t1.38670\t\t\t\t2
"""


@pytest.fixture
def market(kafka: str, namespace: str, tmp_path: Path) -> Config:
    """An empty tape of its own."""
    config = Config.load(
        {
            "TAPEDECK_HOME": str(tmp_path / "home"),
            "TAPEDECK_KAFKA": kafka,
            "TAPEDECK_NAMESPACE": namespace,
        }
    )
    _prepare(config)
    return config


def file_of(folder: Path, name: str, *lines: str) -> Recording:
    path = folder / name
    text = "\n".join(lines) + "\n"
    if path.suffix == ".zst":
        path.write_bytes(zstandard.ZstdCompressor().compress(text.encode()))
    else:
        path.write_text(text)
    return recording(path)


def line(n: int, bid: float = 1.1, ask: float = 1.2) -> str:
    return f"{START_MS + n * 10},{bid},{ask},1.5,"


def played(config: Config, *recordings: Recording, stop_after: int | None = None) -> list[Tally]:
    """Play as fast as possible, or until so many lines are done."""
    stop = threading.Event()

    def shown(tallies: Mapping[Recording, Tally]) -> None:
        if stop_after is not None and sum(t.lines for t in tallies.values()) >= stop_after:
            stop.set()

    return list(play.play(config, IDS, recordings, 0.0, stop, shown).values())


def ticks(config: Config) -> list[TickReceived]:
    events = [wire.event_of(record, IDS) for record in all_of(config, "market-data-events")]
    return [event for event in events if isinstance(event, TickReceived)]


def refused(config: Config) -> list[QuoteQuarantined]:
    events = [wire.event_of(record, IDS) for record in all_of(config, "market-data-quarantine")]
    return [event for event in events if isinstance(event, QuoteQuarantined)]


def test_files_are_merged_by_time_and_their_lines_numbered(market: Config, tmp_path: Path) -> None:
    one = file_of(tmp_path, "EURUSD_a.csv.zst", HEADER, *(line(n) for n in range(0, 100, 2)))
    two = file_of(tmp_path, "EURUSD_b.csv", *(line(n) for n in range(1, 100, 2)))
    tallies = played(market, one, two)
    found = ticks(market)
    assert [t.ts_source_us // 1000 for t in found] == [START_MS + n * 10 for n in range(100)]
    assert [t.source_seq for t in found if t.source == one.source] == list(range(2, 52))
    assert [t.source_seq for t in found if t.source == two.source] == list(range(1, 51))
    assert (found[0].bid_volume, found[0].ask_volume) == (1.5, None)
    assert all(t.backfilled for t in found)
    assert [t.accepted for t in tallies] == [50, 50]


def test_an_export_of_metatrader_with_blanks_is_understood(tmp_path: Path) -> None:
    path = tmp_path / "EURUSD_202405010000_202405012359.csv"
    path.write_text(MT5_EXPORT)
    quotes = [one.quote for _, one in said(recording(path))]
    found = [(q.at_us // 1000 - START_MS, q.bid, q.ask, q.flags) for q in quotes if q]
    assert found == [
        (292, 1.38676, 1.38686, 6),
        (920, 1.38676, 1.38687, 4),
        (1000, 1.38670, 1.38687, 2),
    ]
    assert quotes[3] is None


def test_stopped_and_played_again_every_line_is_on_the_tape_once(
    market: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(play, "BATCH", 50)
    lines = [line(n, bid=1.3 if n % 10 == 5 else 1.1) for n in range(1000)]
    file = file_of(tmp_path, "EURUSD.csv", *lines)
    first = played(market, file, stop_after=333)
    (again,) = played(market, file)
    (third,) = played(market, recording(_copy(file.path, "EURUSD_copy.csv")))
    assert [t.source_seq for t in ticks(market)] == [n for n in range(1, 1001) if n % 10 != 6]
    assert len(refused(market)) == 100
    assert first[0].accepted > 0
    assert again.before == first[0].lines
    assert (third.accepted, third.before) == (0, 1000)


def test_what_nobody_can_read_at_the_end_of_the_tape_is_passed_over(
    market: Config, tmp_path: Path
) -> None:
    file = file_of(tmp_path, "EURUSD.csv", *(line(n) for n in range(100)))
    played(market, file)
    own = ("ce_source", file.source.encode())
    for headers in ((), (own, ("ce_sequence", b"~")), (own, ("ce_sequence", b"1.5"))):
        write_raw(market, "market-data-events", b"EURUSD", b"garbage", headers)
    assert play_positions.late(market, [file]) == {}
    (again,) = played(market, file)
    assert (again.accepted, again.before) == (0, 100)


def test_without_the_file_of_positions_the_tape_alone_says_where_it_ends(
    market: Config, tmp_path: Path
) -> None:
    file = file_of(tmp_path, "EURUSD.csv", *(line(n) for n in range(100)))
    played(market, file)
    for position in (market.home / "play").iterdir():
        position.unlink()
    (again,) = played(market, file)
    assert (again.accepted, again.before, len(ticks(market))) == (0, 100, 100)


def test_who_plays_one_of_several_files_fences_who_played_them_all(
    market: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(play, "BATCH", 50)
    one = file_of(tmp_path, "EURUSD.csv", *(line(n) for n in range(200)))
    two = file_of(tmp_path, "GBPUSD.csv", *(line(n) for n in range(200)))
    others: list[Tally] = []

    def shown(_: Mapping[Recording, Tally]) -> None:
        others.extend(() if others else played(market, one))

    with pytest.raises(ConfigError, match="EURUSD or GBPUSD is played by another process now"):
        play.play(market, IDS, [one, two], 0.0, threading.Event(), shown)
    assert (others[0].before, others[0].accepted) == (50, 150)
    played(market, one, two)
    for file in (one, two):
        numbers = [t.source_seq for t in ticks(market) if t.symbol == file.symbol]
        assert numbers == list(range(1, 201))


def test_bad_lines_are_told_by_reason(market: Config, tmp_path: Path) -> None:
    lines = [
        line(0),
        line(0),
        line(1, bid=1.3),
        line(2, bid=0.0),
        f"{START_MS + 30},nan,1.2,,",
        "",
        "what is this",
        f"{START_MS},1.1",
        f"{START_MS - 600_000},1.1,1.2,,",
        "4102444800000,1.1,1.2,,",
        line(9),
    ]
    file = file_of(tmp_path, "EURUSD.csv", *lines)
    (tally,) = played(market, file)
    assert tally.refused == {
        QuoteFault.DUPLICATE: 1,
        QuoteFault.CROSSED: 1,
        QuoteFault.NOT_POSITIVE: 1,
        QuoteFault.NOT_A_NUMBER: 1,
        QuoteFault.UNREADABLE: 3,
        QuoteFault.STALE: 1,
        QuoteFault.FROM_THE_FUTURE: 1,
    }
    assert [t.source_seq for t in ticks(market)] == [1, 11]
    assert {e.raw for e in refused(market)} == set(lines[1:-1])
    text = Console(width=200)
    with text.capture() as shown:
        text.print(play.summary({file: tally}, 1.0))
    assert "unreadable" in shown.get()


def test_speed_is_that_of_event_time() -> None:
    waited: list[float] = []

    class Clock(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waited.append(timeout or 0.0)
            return False

    file = Recording(Path("EURUSD.csv"), "EURUSD", "recording/x", 3)
    lines = [
        play.Line(at_us, file, said)
        for (at_us, said) in [(0, _said(1)), (20_000_000, _said(2)), (20_000_001, _said(3))]
    ]
    batches = list(play.paced(iter(lines), 10.0, Clock(), 10))
    assert [line.said.source_seq for batch in batches for line in batch] == [1, 2, 3]
    assert waited[0] == pytest.approx(2.0, abs=0.5)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("ticks.csv", "1,2,3\n", "--symbol"),
        ("EURUSD.csv.zst", "no zstd", "cannot be read"),
        ("EURUSD.csv", "<DATE>\t<TIME>\t<OPEN>\n", "<BID>"),
    ],
)
def test_a_file_that_cannot_be_played_is_named_in_one_line(
    tmp_path: Path, name: str, text: str, words: str
) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(ConfigError, match=words):
        list(said(recording(path)))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "EURUSD.csv"
    with pytest.raises(ConfigError) as refused:
        recording(path)
    assert str(refused.value) == f"{path} cannot be read: No such file or directory"


def test_ticks_that_would_all_be_late_are_warned_of(market: Config, tmp_path: Path) -> None:
    newer = file_of(tmp_path, "EURUSD_b.csv", HEADER, *(line(n) for n in range(50, 60)))
    older = file_of(tmp_path, "EURUSD_a.csv", HEADER, *(line(n) for n in range(10)))
    other = file_of(tmp_path, "GBPUSD.csv", *(line(n) for n in range(10)))
    latest = file_of(tmp_path, "EURUSD_c.csv", *(line(n) for n in range(70, 80)))
    assert play_positions.late(market, [newer, older, other]) == {}
    played(market, newer)
    newest_us = (START_MS + 590) * 1_000
    files = [newer, older, other, latest]
    # A commit is told before its end is on the partitions: readers see it a moment later.
    until(lambda: bool(play_positions.late(market, files)))
    found = play_positions.late(market, files)
    assert found == {older: newest_us}
    assert play.warning(older, newest_us).startswith(
        "EURUSD_a.csv begins at 2014-05-01T00:00:00.000000Z, and EURUSD is at "
        "2014-05-01T00:00:00.590000Z on this tape: ticks before that are late"
    )


def _said(number: int) -> Said:
    return Said("EURUSD", number, "", None)


def _copy(path: Path, name: str) -> Path:
    copy = path.with_name(name)
    copy.write_bytes(path.read_bytes())
    return copy


def _prepare(config: Config) -> None:
    kafka.ensure_topics(config, (topic_of(TickReceived), topic_of(QuoteQuarantined)))
