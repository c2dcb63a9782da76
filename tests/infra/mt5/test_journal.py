"""A venue that is killed comes back with the same book."""

from __future__ import annotations

import struct
import sys
from pathlib import Path
from unittest.mock import patch
from zlib import crc32

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.mt5 import constants as mt5
from infra.mt5.simulator.account import ReplayError
from infra.mt5.simulator.broker import Broker
from infra.mt5.simulator.clock import VirtualClock
from infra.mt5.simulator.journal import JournalError
from infra.mt5.simulator.ledger import Ledger
from infra.mt5.simulator.settings import AccountSettings, MarketSettings
from infra.mt5.simulator.terminal import simulated_terminal
from tests.infra.mt5 import worlds
from tests.infra.mt5.scripts import NOTHING, STEPS, Step, play
from tests.infra.mt5.worlds import HOUR_MS, LOGIN, START_MS

LOW = AccountSettings(deposit=400.0, leverage=500)
TERMS = (
    LOW,
    AccountSettings(deposit=400.0, leverage=500, desk_ms=40 * 60_000),
    AccountSettings(margin_mode=mt5.ACCOUNT_MARGIN_MODE_RETAIL_NETTING, desk_ms=1),
)
SPARSE = MarketSettings(ticks_per_s=0.2)
FILE = f"{LOGIN}.journal"


def reopened(folder: Path, at_ms: int, terms: AccountSettings = LOW) -> Ledger:
    """The first account's book as a venue finds it that starts at a moment."""
    broker = worlds.broker_of(worlds.settings(SPARSE, terms), VirtualClock(at_ms), folder)
    broker.advance()
    broker.close()
    return broker.accounts[LOGIN].ledger


@pytest.fixture
def traded(tmp_path: Path) -> Path:
    """A folder whose journal holds two requests."""
    clock = VirtualClock(START_MS)
    broker = worlds.broker_of(worlds.settings(SPARSE, LOW), clock, tmp_path)
    terminal = simulated_terminal(broker, LOGIN)
    assert terminal.initialize()
    worlds.opened(terminal)
    worlds.opened(terminal, symbol="USDJPY")
    broker.close()
    return tmp_path


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS, kill=st.integers(0, 10_000), terms=st.sampled_from(TERMS))
def test_a_kill_at_any_byte_loses_nothing_that_was_answered(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Step], kill: int, terms: AccountSettings
) -> None:
    """Cut the file anywhere: the book is the one that the whole records before the cut make."""
    folder = tmp_path_factory.mktemp("venue")
    clock = VirtualClock(START_MS)
    broker = worlds.broker_of(worlds.settings(SPARSE, terms), clock, folder)
    sizes = [(folder / FILE).stat().st_size]
    for step in steps:
        play(broker, clock, [step])
        sizes.append((folder / FILE).stat().st_size)
    broker.close()
    later_ms = clock.now_ms() + HOUR_MS
    whole = reopened(folder, later_ms, terms)
    broker.accounts[LOGIN].advance(later_ms)
    assert whole == broker.accounts[LOGIN].ledger

    cut = sizes[0] + kill % (sizes[-1] - sizes[0] + 1)
    data = (folder / FILE).read_bytes()
    (folder / FILE).write_bytes(data[:cut])
    kept = max(size for size in sizes if size <= cut)
    survived = reopened(folder, later_ms, terms)
    assert (folder / FILE).stat().st_size == kept
    (folder / FILE).write_bytes(data[:kept])
    assert survived == reopened(folder, later_ms, terms)


def test_a_second_start_goes_on_with_new_tickets(traded: Path) -> None:
    clock = VirtualClock(START_MS + HOUR_MS)
    broker = worlds.broker_of(worlds.settings(SPARSE, LOW), clock, traded)
    terminal = simulated_terminal(broker, LOGIN)
    assert terminal.initialize()
    before = {position.ticket for position in terminal.positions_get() or ()}
    position = worlds.opened(terminal)
    broker.close()
    assert position.ticket not in before
    assert set(reopened(traded, START_MS + HOUR_MS).positions) == before | {position.ticket}


def test_time_does_not_run_backwards(traded: Path) -> None:
    broker = worlds.broker_of(
        worlds.settings(SPARSE, LOW), VirtualClock(START_MS - HOUR_MS), traded
    )
    assert broker.now_ms() == START_MS
    broker.close()


UNWRITTEN = b"\x00" * 4_000


@pytest.mark.parametrize(
    "tail",
    [
        b"\x00",
        UNWRITTEN,
        b"\x00\x30",
        b"\x00\x30\xff\xcf\x01\x02\x03\x04torn",
        b"\x0f\x00\xf0\xff\x01\x02\x03\x04begun" + UNWRITTEN[: 0x0F00 - 5],
    ],
)
def test_a_torn_tail_is_cut_off(traded: Path, tail: bytes) -> None:
    sound = (traded / FILE).read_bytes()
    (traded / FILE).write_bytes(sound + tail)
    assert len(reopened(traded, START_MS).positions) == 2
    assert (traded / FILE).read_bytes() == sound


def test_a_bit_that_is_not_as_it_was_written_is_refused_wherever_it_stands(traded: Path) -> None:
    """In the last record too: what was answered is never taken for what was not."""
    sound = (traded / FILE).read_bytes()
    for at in range(len(sound)):
        data = bytearray(sound)
        data[at] ^= 1 << at % 8
        (traded / FILE).write_bytes(data)
        with pytest.raises(JournalError, match="damaged at byte"):
            reopened(traded, START_MS)


@pytest.mark.parametrize("comment", ["x" * 5_000, "\ud800"])
def test_what_could_not_be_read_again_is_not_accepted(traded: Path, comment: str) -> None:
    """It may come over a wire, where no package looks at it, or from somebody else's terminal."""
    clock = VirtualClock(START_MS)
    broker = worlds.broker_of(worlds.settings(SPARSE, LOW), clock, traded)
    account = broker.accounts[LOGIN]
    market_order = NOTHING._replace(
        action=1, symbol="EURUSD", volume=0.01, price=1.1, deviation=10**9, comment=comment
    )
    assert account.send(market_order).retcode == mt5.TRADE_RETCODE_INVALID
    assert account.send(market_order._replace(comment="")).retcode == mt5.TRADE_RETCODE_DONE
    assert account.send(market_order._replace(comment="")).retcode == mt5.TRADE_RETCODE_DONE
    broker.close()
    assert reopened(traded, START_MS) == account.ledger


def test_a_file_that_is_none_of_ours_is_left_as_it_is(tmp_path: Path) -> None:
    other = b"somebody's own records\n" * 1_000
    (tmp_path / FILE).write_bytes(other)
    with pytest.raises(JournalError, match="damaged at byte 0"):
        reopened(tmp_path, START_MS)
    assert (tmp_path / FILE).read_bytes() == other


def test_a_record_of_another_kind_is_refused_in_words(traded: Path) -> None:
    body = msgspec.msgpack.encode((START_MS, "a request"))
    with (traded / FILE).open("ab") as book:
        book.write(struct.pack(">HHI", len(body), len(body) ^ 0xFFFF, crc32(body)) + body)
    with pytest.raises(JournalError, match="no journal of ours"):
        reopened(traded, START_MS)


def test_a_book_has_one_venue(traded: Path) -> None:
    first = worlds.broker_of(worlds.settings(SPARSE, LOW), VirtualClock(START_MS), traded)
    with pytest.raises(JournalError, match="another venue"):
        worlds.broker_of(worlds.settings(SPARSE, LOW), VirtualClock(START_MS), traded)
    first.close()
    assert len(reopened(traded, START_MS).positions) == 2


def test_a_request_is_on_the_disk_before_anything_is_done(traded: Path) -> None:
    broker = worlds.broker_of(worlds.settings(SPARSE, LOW), VirtualClock(START_MS), traded)
    terminal = simulated_terminal(broker, LOGIN)
    assert terminal.initialize()
    failing = patch("infra.mt5.simulator.journal.os.fsync", side_effect=OSError(5, "bad disk"))
    with failing, pytest.raises(JournalError, match="bad disk; the venue must stop"):
        terminal.order_send(worlds.deal(terminal))
    assert len(broker.accounts[LOGIN].ledger.positions) == 2
    broker.close()


def test_another_configuration_is_refused_in_words(traded: Path) -> None:
    other = worlds.settings(MarketSettings(seed=8, ticks_per_s=0.2), LOW)
    with pytest.raises(JournalError, match="put the old ones back"):
        Broker(other, VirtualClock(START_MS), traded)


def test_a_record_that_cannot_be_repeated_is_refused(traded: Path) -> None:
    broker = worlds.broker_of(worlds.settings(SPARSE, LOW), VirtualClock(START_MS), traded)
    account = broker.accounts[LOGIN]
    with pytest.raises(ReplayError, match="10014"):
        account.replay(START_MS, NOTHING._replace(action=1, symbol="EURUSD", volume=1000.0))
    broker.close()


@pytest.mark.skipif(sys.platform == "win32", reason="has no limit for the size of a file")
@pytest.mark.parametrize("taken", [0, 1, 20])
def test_a_book_that_the_disk_had_no_room_for_is_not_written_on(traded: Path, taken: int) -> None:
    """When there is room again, the next record would stand behind half a one."""
    import resource

    broker = worlds.broker_of(worlds.settings(SPARSE, LOW), VirtualClock(START_MS), traded)
    deal = NOTHING._replace(action=1, symbol="EURUSD", volume=0.01, price=1.1, deviation=10**9)
    whole = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, ((traded / FILE).stat().st_size + taken, whole[1]))
    try:
        with pytest.raises(JournalError, match="the venue must stop"):
            broker.accounts[LOGIN].send(deal)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, whole)
    with pytest.raises(JournalError, match="the venue must stop"):
        broker.accounts[LOGIN].send(deal)
    broker.close()
    assert len(reopened(traded, START_MS).positions) == 2
