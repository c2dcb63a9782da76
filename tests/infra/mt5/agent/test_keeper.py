"""Agents as processes: killed in the middle of a send, hung, silenced, orphaned."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from threading import Event, Thread

import psutil
import pytest

from infra.config import Config
from infra.mt5 import constants as mt5
from infra.mt5.agent import keys
from infra.mt5.agent.client import AgentTerminal
from infra.mt5.agent.keeper import Keeper, Limits
from infra.mt5.agent.keys import PLATFORM, agent_name
from infra.mt5.agent.process import TAKEN, UNUSABLE
from infra.mt5.remote import RemoteTerminal
from infra.mt5.simulator.clock import RealClock
from infra.mt5.simulator.faults import FaultRule
from infra.mt5.venue import VenueServer
from infra.run import agent as role
from tests.infra.mt5 import worlds
from tests.infra.mt5.worlds import LOGIN

LIMIT_S = 30.0
LOOK_S = 0.05
QUICK = Limits(silent_s=1.0, overdue_s=0.3, pulse_s=0.5)


class CutClock(RealClock):
    """The machine's clock, whose waits end when the test does."""

    def __init__(self) -> None:
        self.over = Event()

    def wait_ms(self, duration_ms: int) -> None:
        self.over.wait(duration_ms / 1000)


@pytest.fixture
def venue() -> Iterator[VenueServer]:
    clock = CutClock()
    server = VenueServer(worlds.broker_of(worlds.settings(), clock), "127.0.0.1", 0)
    yield server
    clock.over.set()
    server.close()


class Kept:
    """A keeper at work in a thread of its own, and a terminal behind its agent."""

    def __init__(self, folder: Path, venue: VenueServer, deadline_s: float = 10.0) -> None:
        self.folder = folder
        self.venue = venue
        self.place = folder / "agents" / "some.address"
        self.place.parent.mkdir()
        shown = keys.ensure(folder / "keys", agent_name(LOGIN))
        mine = keys.load(keys.ensure(folder / "keys", PLATFORM))
        self.command = command(shown, folder / "some.lock", venue.address)
        self.keeper = Keeper(LOGIN, self.command, mine, "127.0.0.1:0", self.place, QUICK)
        self.terminal = AgentTerminal(self.address, LOGIN, mine, deadline_s)
        self._stop = Event()
        self._thread = Thread(target=self._keep)
        self._thread.start()

    def address(self) -> str:
        return self.place.read_text() if self.place.exists() else role.NOWHERE

    def ready(self) -> AgentTerminal:
        """The terminal, as soon as it can be initialised."""
        until_s = time.monotonic() + LIMIT_S
        while not self.terminal.initialize():
            assert time.monotonic() < until_s, self.terminal.last_error()
            time.sleep(LOOK_S)
        return self.terminal

    def pid(self) -> int:
        """The agent's process."""
        pid = self.keeper.pid
        assert pid is not None
        return pid

    def close(self) -> None:
        """End the keeper, and its agent with it."""
        self.terminal.shutdown()
        self._stop.set()
        self._thread.join()

    def _keep(self) -> None:
        while not self._stop.wait(LOOK_S):
            self.keeper.look()
        self.keeper.stop()


def command(shown: Path, lock: Path, venue: str) -> Callable[[str], Sequence[str]]:
    """How the agent of the venue's account is started."""

    def argv(listen: str) -> list[str]:
        given = {"--login": str(LOGIN), "--listen": listen, "--keys": str(shown)}
        given |= {"--lock": str(lock), "--venue": venue}
        words = [word for pair in given.items() for word in pair]
        return [sys.executable, "-m", "infra.mt5.agent.process", *words]

    return argv


@pytest.fixture
def kept(tmp_path: Path, venue: VenueServer) -> Iterator[Kept]:
    made = Kept(tmp_path, venue)
    yield made
    made.close()


def delayed(venue: VenueServer, delay_ms: int) -> None:
    """The venue takes its time over the next order."""
    script = RemoteTerminal(venue.address, str(LOGIN))
    assert script.initialize()
    script.inject(FaultRule(kind="delay", delay_ms=delay_ms))
    script.shutdown()


def dealt(venue: VenueServer) -> int:
    """How many positions the account has at the venue itself."""
    terminal = RemoteTerminal(venue.address, str(LOGIN))
    assert terminal.initialize()
    positions = terminal.positions_get()
    terminal.shutdown()
    assert positions is not None
    return len(positions)


def test_an_agent_killed_inside_a_send_leaves_it_unknown_and_is_replaced(
    kept: Kept, venue: VenueServer
) -> None:
    terminal = kept.ready()
    before = kept.pid()
    request = worlds.deal(terminal, deviation=500)
    delayed(venue, 1500)
    answers: list[object] = []
    sending = Thread(target=lambda: answers.append(terminal.order_send(request)))
    sending.start()
    time.sleep(0.5)
    os.kill(before, signal.SIGKILL)
    sending.join()
    assert answers == [None]
    assert terminal.last_error()[0] == mt5.RES_E_INTERNAL_FAIL_RECEIVE
    assert terminal.positions_get() is None
    assert terminal.last_error()[0] == mt5.RES_E_INTERNAL_FAIL_CONNECT
    again = kept.ready()
    assert kept.pid() != before
    until_s = time.monotonic() + LIMIT_S
    while not (positions := again.positions_get()):  # it was executed all the same
        assert time.monotonic() < until_s
        time.sleep(LOOK_S)
    assert len(positions) == dealt(venue) == 1


def test_an_agent_that_hangs_in_a_call_for_30_s_is_replaced_long_before(
    tmp_path: Path, venue: VenueServer
) -> None:
    kept = Kept(tmp_path, venue, deadline_s=1.0)
    try:
        terminal = kept.ready()
        before, request = kept.pid(), worlds.deal(terminal, deviation=500)
        delayed(venue, 30_000)
        began_s = time.monotonic()
        assert terminal.order_send(request) is None
        assert terminal.last_error()[0] == mt5.RES_E_INTERNAL_FAIL_RECEIVE
        assert kept.ready().account_info() is not None
        assert kept.pid() != before
        assert time.monotonic() - began_s < 15.0
    finally:
        kept.close()


def test_an_agent_that_says_nothing_is_replaced(kept: Kept) -> None:
    kept.ready()
    before = kept.pid()
    os.kill(before, signal.SIGSTOP)  # as a call does that keeps the interpreter to itself
    until_s = time.monotonic() + LIMIT_S
    while kept.keeper.pid in (before, None):
        assert time.monotonic() < until_s
        time.sleep(LOOK_S)
    assert not psutil.pid_exists(before)
    assert kept.ready().account_info() is not None


def test_a_second_agent_of_an_account_does_not_start(kept: Kept) -> None:
    kept.ready()
    second = subprocess.run(
        kept.command("127.0.0.1:0"), stdin=subprocess.DEVNULL, capture_output=True, timeout=LIMIT_S
    )
    assert (second.returncode, second.stdout) == (TAKEN, b"")
    assert "another agent owns" in json.loads(second.stderr)["text"]


def test_an_agent_without_usable_keys_says_why_and_ends(tmp_path: Path) -> None:
    shown = keys.ensure(tmp_path, agent_name(LOGIN))
    shown.chmod(0o644)
    ended = subprocess.run(
        command(shown, tmp_path / "some.lock", "127.0.0.1:1")("127.0.0.1:0"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=LIMIT_S,
    )
    assert (ended.returncode, ended.stdout) == (UNUSABLE, b"")
    assert "can be read by others" in json.loads(ended.stderr)["text"]


KEEPER = """
import os, threading
from infra.config import Config
from infra.run import agent
agent.run(Config.load(os.environ), threading.Event(), "90001", "127.0.0.1:0", None)
"""


def test_an_agent_ends_with_its_keeper_and_the_role_finds_its_way(
    tmp_path: Path, venue: VenueServer
) -> None:
    port = venue.address.rpartition(":")[2]
    given = {"TAPEDECK_HOME": str(tmp_path), "TAPEDECK_PORT_VENUE": port}
    config = Config.load(given)
    keeper = subprocess.Popen([sys.executable, "-c", KEEPER], env={**os.environ, **given})
    try:
        terminal = role.agent_terminal(config, str(LOGIN))
        until_s = time.monotonic() + LIMIT_S
        while not terminal.initialize():
            assert time.monotonic() < until_s, terminal.last_error()
            time.sleep(0.1)
        (agent,) = psutil.Process(keeper.pid).children()
        info = terminal.account_info()
        assert info is not None
        assert info.login == LOGIN
    finally:
        keeper.kill()
        keeper.wait()
    psutil.wait_procs([agent], timeout=LIMIT_S)
    assert not agent.is_running()
    terminal.shutdown()
