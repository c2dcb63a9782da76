"""Whatever fails, every tick of the terminal is on the tape once and in order, or in quarantine."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from events.market import QuoteFault, QuoteQuarantined, TickReceived
from infra.config import Config
from infra.embedded.kafka import EmbeddedKafka
from infra.embedded.process import free_ports
from infra.mt5 import constants as mt5
from infra.mt5.accounts import login_of
from infra.mt5.remote import RemoteTerminal
from infra.mt5.tuples import TICK_DTYPE
from infra.run import bridge, venue
from infra.stream import kafka, wire
from infra.stream.transactions import Fenced
from schemas.catalog import topic_of
from tests.infra.at_work import AWAY_S, running, take_away, until
from tests.infra.market import IDS, all_of
from tests.infra.tape_writer import write_raw

ROOT = Path(__file__).parents[3]
LOGIN = 90001
ENOUGH = 1_000


class Scripted:
    """A terminal whose history a test writes, and which a test takes away."""

    def __init__(self) -> None:
        self.history: dict[str, list[tuple[int, float, float]]] = {"EURUSD": [], "XAUUSD": []}
        self.away = False
        self.links = 0

    def say(self, symbol: str, *ticks: tuple[int, float, float]) -> None:
        self.history[symbol] += ticks

    def initialize(self, **_: Any) -> bool:
        self.links += not self.away
        return not self.away

    def shutdown(self) -> bool:
        return True

    def account_info(self) -> Any:
        return None if self.away else SimpleNamespace(login=LOGIN, server="Scripted")

    def symbol_select(self, symbol: str, _enable: bool = True) -> bool:
        return symbol in self.history

    def last_error(self) -> tuple[int, str]:
        return (mt5.RES_E_INTERNAL_FAIL_CONNECT, "away") if self.away else (mt5.RES_E_NOT_FOUND, "")

    def copy_ticks_from(self, symbol: str, since_s: int, count: int, _flags: int) -> Any:
        if self.away:
            return None
        found = [tick for tick in self.history[symbol] if tick[0] >= since_s * 1000][:count]
        rows = np.zeros(len(found), dtype=TICK_DTYPE)
        for row, (time_ms, bid, ask) in zip(rows, found, strict=True):
            row["time_msc"], row["bid"], row["ask"], row["flags"] = time_ms, bid, ask, 6
        return rows


@pytest.fixture
def market(kafka: str, namespace: str, tmp_path: Path) -> Config:
    """An empty tape of its own, and a free port for a venue."""
    config = Config.load(
        {
            "TAPEDECK_HOME": str(tmp_path),
            "TAPEDECK_KAFKA": kafka,
            "TAPEDECK_NAMESPACE": namespace,
            "TAPEDECK_SYMBOLS": "EURUSD,XAUUSD",
            "TAPEDECK_PORT_VENUE": str(free_ports(1)[0]),
        }
    )
    _prepare(config)
    return config


@pytest.fixture
def terminal() -> Any:
    return Scripted()


def session(market: Config, terminal: Any) -> bridge.Session:
    return bridge.Session(market, terminal, LOGIN, IDS)


def now_ms(seconds_ago: float = 0.0) -> int:
    return int((time.time() - seconds_ago) * 1000)


def on_tape(market: Config, symbol: str) -> list[TickReceived]:
    events = [wire.event_of(record, IDS) for record in all_of(market, "market-data-events")]
    return [e for e in events if isinstance(e, TickReceived) and e.symbol == symbol]


def refused(market: Config) -> list[QuoteQuarantined]:
    events = [wire.event_of(record, IDS) for record in all_of(market, "market-data-quarantine")]
    return [e for e in events if isinstance(e, QuoteQuarantined)]


def test_it_backfills_marks_it_and_goes_on_live(market: Config, terminal: Any) -> None:
    terminal.say("EURUSD", (now_ms(3600 * 5), 1.0, 1.1), (now_ms(60), 1.1, 1.2))
    first = session(market, terminal)
    first.poll()
    terminal.say("EURUSD", (now_ms(), 1.2, 1.3))
    first.poll()
    ticks = on_tape(market, "EURUSD")
    assert [(t.source_seq, t.bid, t.backfilled) for t in ticks] == [
        (1, 1.1, True),
        (2, 1.2, False),
    ]
    assert {t.source for t in ticks} == {"mt5/Scripted"}


def test_after_each_death_the_next_one_goes_on_where_the_tape_ends(
    market: Config, terminal: Any
) -> None:
    at_ms = now_ms(300)
    said: list[tuple[int, float, float]] = []
    for turn in range(4):
        new = [(at_ms + turn * 1000 + n // 3, 1.1 + n / 1000, 1.2) for n in range(50)]
        said += new
        terminal.say("EURUSD", *new)
        session(market, terminal).poll()
    ticks = on_tape(market, "EURUSD")
    assert [(t.ts_source_us // 1000, t.bid, t.ask) for t in ticks] == said
    assert [t.source_seq for t in ticks] == list(range(1, 201))


def test_what_nobody_can_read_on_its_topics_does_not_concern_it(
    market: Config, terminal: Any
) -> None:
    terminal.say("EURUSD", (now_ms(60), 1.1, 1.2))
    session(market, terminal).poll()
    ours = [("ce_source", b"mt5/Scripted"), ("ce_sequence", b"7")]
    for headers in ([], ours, [ours[0], ("ce_sequence", b"~")]):
        for topic in ("market-data-events", "market-data-quarantine"):
            write_raw(market, topic, b"EURUSD", b"garbage", headers)
    terminal.say("EURUSD", (now_ms(), 1.2, 1.3))
    session(market, terminal).poll()
    records = all_of(market, "market-data-events")
    events = [wire.event_of(record, IDS) for record in records if record.value != b"garbage"]
    assert [e.source_seq for e in events if isinstance(e, TickReceived)] == [1, 2]


def test_a_predecessor_that_still_lives_can_write_nothing_more(
    market: Config, terminal: Any
) -> None:
    first = session(market, terminal)
    second = session(market, terminal)
    terminal.say("EURUSD", (now_ms(), 1.1, 1.2))
    with pytest.raises(Fenced):
        first.poll()
    second.poll()
    assert [t.source_seq for t in on_tape(market, "EURUSD")] == [1]


def test_bad_quotes_are_quarantined_once_whoever_looks_again(market: Config, terminal: Any) -> None:
    at_ms = now_ms(30)
    good = (at_ms, 1.1, 1.2)
    bad = [
        (at_ms + 1, 1.3, 1.2),
        (at_ms + 2, 0.0, 1.2),
        (at_ms + 3, math.nan, 1.2),
        (now_ms(-3600), 1.1, 1.2),
    ]
    terminal.say("EURUSD", good, good, *bad)
    for _ in range(3):
        again = session(market, terminal)
        again.poll()
        again.poll()
    assert [e.reason for e in refused(market)] == [
        QuoteFault.DUPLICATE,
        QuoteFault.CROSSED,
        QuoteFault.NOT_POSITIVE,
        QuoteFault.NOT_A_NUMBER,
        QuoteFault.FROM_THE_FUTURE,
    ]
    terminal.say("EURUSD", (at_ms + 4, 1.1, 1.2))
    session(market, terminal).poll()
    assert [t.source_seq for t in on_tape(market, "EURUSD")] == [1, 7]


def test_a_terminal_that_is_away_is_waited_for_and_what_was_missed_made_up(
    market: Config, terminal: Any
) -> None:
    stop = threading.Event()
    thread = threading.Thread(
        target=bridge.bridge, args=(market, terminal, LOGIN, IDS, stop), daemon=True
    )
    terminal.say("XAUUSD", (now_ms(5), 2000.0, 2000.5))
    thread.start()
    _until(lambda: len(on_tape(market, "XAUUSD")) == 1)
    terminal.away = True
    terminal.say("XAUUSD", (now_ms(), 2001.0, 2001.5))
    time.sleep(1.0)
    terminal.away = False
    _until(lambda: len(on_tape(market, "XAUUSD")) == 2)
    stop.set()
    thread.join(30)
    assert [t.bid for t in on_tape(market, "XAUUSD")] == [2000.0, 2001.0]
    assert terminal.links >= 2


def test_a_kafka_that_was_away_is_waited_for_and_what_was_missed_made_up(
    broker: EmbeddedKafka, market: Config, terminal: Any
) -> None:
    config = replace(market, kafka=broker.address)
    _prepare(config)
    began_ms = now_ms(60)
    said = [(began_ms + n * 20, 1 + n / 1000, 2.0) for n in range(1_000)]
    with running(bridge.bridge, config, terminal, LOGIN, IDS):
        terminal.say("EURUSD", *said[:300])
        until(lambda: len(on_tape(config, "EURUSD")) == 300)
        away = threading.Thread(target=_talking, args=(terminal, said[300:700]))
        away.start()
        take_away(broker)
        away.join()
        terminal.say("EURUSD", *said[700:])
        until(lambda: len(on_tape(config, "EURUSD")) >= 1_000)
    ticks = on_tape(config, "EURUSD")
    assert [(t.ts_source_us // 1000, t.bid, t.ask) for t in ticks] == said
    assert [t.source_seq for t in ticks] == list(range(1, 1_001))


def test_a_symbol_that_the_terminal_does_not_have_is_named(market: Config, terminal: Any) -> None:
    del terminal.history["XAUUSD"]
    with pytest.raises(bridge.TerminalRefused, match="XAUUSD"):
        session(market, terminal)


def test_killed_again_and_again_the_tape_is_the_venue_s_own_history(market: Config) -> None:
    stop = threading.Event()
    serving = threading.Thread(target=venue.run, args=(market, stop))
    serving.start()
    terminal = RemoteTerminal(market.venue, market.accounts[0])
    try:
        for alive_s in (4.0, 3.0, 5.0):
            command = [sys.executable, "-m", "tests.infra.bridging"]
            environment = {**os.environ, **market.environment()}
            process = subprocess.Popen(command, cwd=ROOT, env=environment)
            time.sleep(alive_s)
            if alive_s == 5.0:  # the last one lives until there is enough to judge
                _until(lambda: all(len(on_tape(market, s)) > ENOUGH for s in market.symbols), 60.0)
            process.kill()
            process.wait()
        assert terminal.initialize(login=login_of(market.accounts[0]))
        for symbol in market.symbols:
            _is_the_history(terminal, symbol, on_tape(market, symbol))
    finally:
        terminal.shutdown()
        stop.set()
        serving.join()


def _is_the_history(terminal: RemoteTerminal, symbol: str, ticks: list[TickReceived]) -> None:
    first_s, last_s = (ticks[n].ts_source_us // 1_000_000 for n in (0, -1))
    rows = terminal.copy_ticks_range(symbol, first_s, last_s + 1, mt5.COPY_TICKS_ALL)
    assert rows is not None
    told = [(int(r["time_msc"]), float(r["bid"]), float(r["ask"])) for r in rows]
    assert [(t.ts_source_us // 1000, t.bid, t.ask) for t in ticks] == told[: len(ticks)]
    assert [t.source_seq for t in ticks] == list(range(1, len(ticks) + 1))
    assert len(ticks) > ENOUGH


def _talking(terminal: Any, ticks: list[tuple[int, float, float]]) -> None:
    """The terminal goes on, whether anyone can write it down or not."""
    for tick in ticks:
        terminal.say("EURUSD", tick)
        time.sleep(AWAY_S / len(ticks))


def _until(reached: Any, timeout_s: float = 30.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not reached() and time.monotonic() < deadline:
        time.sleep(0.1)


def _prepare(config: Config) -> None:
    kafka.ensure_topics(config, (topic_of(TickReceived), topic_of(QuoteQuarantined)))
