"""`tapedeck play FILE ...`: recorded ticks onto the tape, judged and written as the bridge does it.

Event time is the recording's; `--speed` says how fast it passes. All of it is marked as history,
so that nothing trades on it. Playing the same content again goes on where the tape has its end.

A symbol is played by one process at a time, whichever files it was given: the writers are named
after symbols, and who opens one fences its predecessor. So the tape's end stays what was read.
"""

from __future__ import annotations

import argparse
import heapq
import logging
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from confluent_kafka import KafkaException

from events.market import QuoteFault, QuoteQuarantined, TickReceived
from infra import collector
from infra.cli.tables import Table, show
from infra.config import Config, ConfigError
from infra.feed import play_positions
from infra.feed.press import Press, Told
from infra.feed.quote_judge import Judge, Said
from infra.feed.recordings import Recording, begins_us, recording, said
from infra.observe.progress import Progress
from infra.stream import kafka
from infra.stream.schema_ids import RegistryAway, SchemaIds
from infra.stream.transactions import Doubtful, Fenced, Writer
from infra.stream.wire import Ids, Outgoing, rfc3339
from schemas.catalog import topic_of

BATCH, AT_ONCE_MAX = 20_000, 100_000
"""Lines in a transaction, on average, and of all symbols: each has its own, and one costs 20 ms."""
PACE_S = 0.05
LINGER_MS = 5
PASSING = (Doubtful, KafkaException, RegistryAway)

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Tally:
    """What became of a recording's lines."""

    accepted: int = 0
    before: int = 0
    refused: Counter[QuoteFault] = field(default_factory=Counter)

    @property
    def lines(self) -> int:
        return self.accepted + self.before + self.refused.total()


@dataclass(frozen=True, slots=True)
class Line:
    """One line of one of the recordings, at its event time."""

    at_us: int
    recording: Recording
    said: Said


Shown = Callable[[Mapping[Recording, Tally]], None]
"""Told after each batch what became of all lines so far."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Files, speed, symbol."""
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="CSV, MT5 export; .zst")
    parser.add_argument(
        "--speed",
        type=_speed,
        default=1.0,
        help="times real time; max or 0: as fast as it can be written (default 1)",
    )
    parser.add_argument("--symbol", help="of all files; default: what their names begin with")


def main(config: Config, arguments: argparse.Namespace) -> int:
    """Play, with a progress bar, until the end or Ctrl-C."""
    collector.seldom()
    recordings = [recording(path, arguments.symbol) for path in arguments.files]
    _refuse_twice(recordings)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    kafka.ensure_topics(config, (topic_of(TickReceived), topic_of(QuoteQuarantined)))
    for each, newest_us in play_positions.late(config, recordings).items():
        print(warning(each, newest_us), file=sys.stderr)
    began_s = time.monotonic()
    lines = sum(each.lines for each in recordings)
    with Progress("play", "lines") as progress:
        tallies = play(
            config,
            SchemaIds(config),
            recordings,
            arguments.speed,
            stop,
            lambda tallies: progress.at(sum(t.lines for t in tallies.values()), lines),
        )
    show(summary(tallies, time.monotonic() - began_s))
    if stop.is_set():
        print("stopped; the same command goes on from here", file=sys.stderr)
    return 130 if stop.is_set() else 0


def play(
    config: Config,
    ids: Ids,
    recordings: Sequence[Recording],
    speed: float,
    stop: threading.Event,
    shown: Shown,
) -> dict[Recording, Tally]:
    """Put what the tape does not have of `recordings` on it; what became of their lines.

    A speed of 0 does not wait. Kafka or the registry may go away and come back meanwhile.
    `ConfigError` if another process takes over.
    """
    symbols = sorted({each.symbol for each in recordings})
    lines_max = min(BATCH * len(symbols), AT_ONCE_MAX)
    for wait_s in kafka.backoff_s():
        session = Session(recordings, {each: Tally() for each in recordings})
        try:
            writers = {s: Writer(config, f"play.{s}", LINGER_MS, stop) for s in symbols}
            known = play_positions.known(config, recordings)
            press = Press(ids)
            for batch in paced(session.fresh(known), speed, stop, lines_max):
                for symbol, lines in _by_symbol(batch).items():
                    writers[symbol].write(session.records(lines, press))
                shown(session.tallies)
            return session.tallies
        except Fenced:
            raise ConfigError(f"{' or '.join(symbols)} is played by another process now") from None
        except PASSING as trouble:
            log.warning("playing goes on when it can: %s", trouble)
        if stop.wait(wait_s):
            break
    return session.tallies


class Session:
    """The recordings read once from their beginnings, with what has been judged of them so far."""

    def __init__(self, recordings: Sequence[Recording], tallies: dict[Recording, Tally]) -> None:
        self._recordings = recordings
        self._judges = {each: Judge(each.source) for each in recordings}
        self.tallies = tallies

    def fresh(self, known: Mapping[Recording, int]) -> Iterator[Line]:
        """The lines of all recordings in the order of their times, without those on the tape.

        Those are judged all the same: what comes after is judged by them.
        """
        for line in heapq.merge(*map(_lines, self._recordings), key=lambda line: line.at_us):
            each = line.recording
            if line.said.source_seq > known.get(each, 0):
                yield line
            else:
                self._judges[each].judged(line.said, _now_us())
                self.tallies[each].before += 1

    def records(self, batch: Sequence[Line], press: Press) -> Iterator[Outgoing]:
        """What goes onto the tape for these lines."""
        now_us = _now_us()
        numbered: list[tuple[Told, int]] = []
        for line in batch:
            event = self._judges[line.recording].event(line.said, now_us)
            tally = self.tallies[line.recording]
            if isinstance(event, QuoteQuarantined):
                tally.refused[event.reason] += 1
            else:
                tally.accepted += 1
            numbered.append((event, line.said.source_seq))
        return press.records(numbered)


def paced(
    lines: Iterator[Line], speed: float, stop: threading.Event, lines_max: int
) -> Iterator[list[Line]]:
    """Batches of lines, each when its time has come; ends early when `stop` is set."""
    batch: list[Line] = []
    begins_s, first_us = time.monotonic(), None
    for line in lines:
        first_us = line.at_us if first_us is None else first_us
        due_s = begins_s + (line.at_us - first_us) / (speed * 1e6) if speed else 0.0
        early_s = due_s - time.monotonic()
        if batch and (early_s > 0 or len(batch) >= lines_max):
            yield batch
            batch = []
            early_s = due_s - time.monotonic()
        if stop.wait(max(early_s, PACE_S)) if early_s > 0 else stop.is_set():
            return
        batch.append(line)
    if batch:
        yield batch


def warning(recording: Recording, newest_us: int) -> str:
    """What will not come of a recording that begins before a tick which is on the tape."""
    path, symbol = recording.path.name, recording.symbol
    begins, newest = rfc3339(begins_us(recording)), rfc3339(newest_us)
    return (
        f"{path} begins at {begins}, and {symbol} is at {newest} on this tape: ticks before that "
        "are late and make no bars; give them a tape of their own (another TAPEDECK_HOME)"
    )


def summary(tallies: dict[Recording, Tally], passed_s: float) -> Table:
    """What became of the lines, a row per file."""
    faults = sorted({f for t in tallies.values() for f in t.refused}, key=lambda f: f.value)
    table = Table("file", "symbol", "ticks", "on the tape before", *(f.value for f in faults))
    for each, tally in tallies.items():
        figures = [tally.accepted, tally.before, *(tally.refused[f] for f in faults)]
        table.add_row(each.path.name, each.symbol, *(f"{figure:,}" for figure in figures))
    written = sum(t.accepted + t.refused.total() for t in tallies.values())
    table.caption = f"{written:,} in {passed_s:.1f} s: {written / max(passed_s, 1e-9):,.0f}/s"
    return table


def _by_symbol(batch: Sequence[Line]) -> dict[str, list[Line]]:
    """Order matters within a symbol: it is the key on the tape."""
    lines: dict[str, list[Line]] = {}
    for line in batch:
        lines.setdefault(line.recording.symbol, []).append(line)
    return lines


def _lines(each: Recording) -> Iterator[Line]:
    for at_us, one in said(each):
        yield Line(at_us, each, one)


def _refuse_twice(recordings: Sequence[Recording]) -> None:
    first: dict[tuple[str, str], Recording] = {}
    for each in recordings:
        other = first.setdefault((each.source, each.symbol), each)
        if other is not each:
            raise ConfigError(f"{each.path} has the same ticks as {other.path}; give one of them")


def _speed(text: str) -> float:
    speed = 0.0 if text == "max" else float(text)
    if not 0 <= speed < float("inf"):
        raise argparse.ArgumentTypeError("give a number that is not negative, or max")
    return speed


def _now_us() -> int:
    return time.time_ns() // 1_000
