"""A passphrase is asked on a terminal, unseen, and opens what was sealed by it."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from infra.config import Config, ConfigError
from infra.mt5.simulator import session
from infra.mt5.simulator.clock import RealClock
from infra.mt5.venue import VenueServer
from infra.run import agent as role
from infra.run.agent import agent_terminal
from infra.secrets.provider import SecretsError
from infra.secrets.vault import LEASE_S, Vault, vault, wants_passphrase
from tests.infra.mt5 import worlds
from tests.infra.mt5.worlds import LOGIN

ACCOUNT = str(LOGIN)
PASSWORD, PASSPHRASE = "what the broker knows", "correct horse battery"
LIMIT_S = 60.0


@pytest.fixture
def venue(monkeypatch: pytest.MonkeyPatch) -> Iterator[VenueServer]:
    monkeypatch.setattr(session, "PASSWORD", PASSWORD)
    server = VenueServer(worlds.broker_of(worlds.settings(), RealClock()), "127.0.0.1", 0)
    yield server
    server.close()


@pytest.fixture
def config(tmp_path: Path, venue: VenueServer) -> Config:
    given = {"HOME": str(tmp_path / "home"), "PORT_VENUE": venue.address.rpartition(":")[2]}
    return Config.load({f"TAPEDECK_{name}": text for name, text in given.items()})


def sealed(config: Config, passphrase: str | None = PASSPHRASE) -> Vault:
    kept = vault("file", config.home, None if passphrase is None else lambda: passphrase)
    kept.rotate(ACCOUNT, PASSWORD)
    return kept


def test_whether_a_passphrase_is_wanted_stands_in_the_file(config: Config) -> None:
    assert not wants_passphrase("file", config.home, ACCOUNT)
    sealed(config)
    assert wants_passphrase("file", config.home, ACCOUNT)
    assert not wants_passphrase("keyring", config.home, ACCOUNT)
    sealed(config, None)
    assert not wants_passphrase("file", config.home, ACCOUNT)


def test_without_a_terminal_it_says_so_and_names_the_key_file(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.secrets.private.no_dumps", lambda: None)  # not of the tests
    sealed(config)
    with open(os.devnull) as nowhere:
        monkeypatch.setattr(sys, "stdin", nowhere)
        with pytest.raises(ConfigError) as said:
            role.run(config, threading.Event(), ACCOUNT, "127.0.0.1:0", secrets="file")
    assert "\n" not in str(said.value)
    assert "asked on a terminal, and there is none; seal by the key file instead" in str(said.value)


def test_only_a_file_takes_a_passphrase(config: Config) -> None:
    with pytest.raises(SecretsError, match="keyring takes no passphrase"):
        vault("keyring", config.home, lambda: "some")


class Person:
    """Sits at a terminal in front of a command, reads what it shows and types."""

    def __init__(self, config: Config, *words: str) -> None:
        self._seat, theirs = pty.openpty()
        argv = [sys.executable, "-m", "infra.cli.main", *words]
        told = {**os.environ, **config.environment()}
        self.command = subprocess.Popen(
            argv, stdin=theirs, stdout=theirs, stderr=theirs, env=told, start_new_session=True
        )
        os.close(theirs)
        self.seen = ""

    def types(self, after: str, text: str) -> None:
        self.reads(lambda: after in self.seen)
        os.write(self._seat, f"{text}\n".encode())

    def reads(self, enough: Callable[[], bool]) -> None:
        until_s = time.monotonic() + LIMIT_S
        while not enough():
            assert time.monotonic() < until_s, self.seen
            if select.select([self._seat], [], [], 0.1)[0]:
                try:
                    self.seen += os.read(self._seat, 4096).decode()
                except OSError:  # the command is gone
                    return

    def leaves(self) -> int:
        self.command.terminate()
        status = self.command.wait()
        os.close(self._seat)
        return status


def test_an_agent_logs_in_with_what_a_passphrase_opens_and_the_passphrase_is_not_seen(
    config: Config,
) -> None:
    sealed(config)
    person = Person(config, "run", "agent", ACCOUNT, "--secrets", "file")
    terminal = agent_terminal(config, ACCOUNT)
    try:
        person.types(f"passphrase of the credential of {ACCOUNT}: ", PASSPHRASE)
        until_s = time.monotonic() + LIMIT_S
        while not terminal.initialize():
            assert time.monotonic() < until_s, terminal.last_error()
            time.sleep(0.1)
        info = terminal.account_info()
        assert info is not None
        assert info.login == LOGIN
        limits = (Path("/proc") / str(person.command.pid) / "limits").read_text()
        assert limits.split("Max core file size")[1].split()[:2] == ["0", "0"]
    finally:
        terminal.shutdown()
        person.leaves()
    assert PASSPHRASE not in person.seen


def test_a_wrong_passphrase_is_told_at_once_and_no_agent_starts(config: Config) -> None:
    sealed(config)
    person = Person(config, "run", "agent", ACCOUNT, "--secrets", "file")
    person.types("passphrase of", "wrong")
    person.reads(lambda: person.command.poll() is not None)
    assert person.leaves() == 2
    assert "cannot be opened here" in person.seen
    assert "Traceback" not in person.seen


def test_a_lease_that_is_over_is_left_for_the_agent_to_tell(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.secrets.private.no_dumps", lambda: None)
    monkeypatch.setattr("infra.secrets.asking.passphrase_for", lambda _account: PASSPHRASE)
    sealed(config)
    later_ns = time.time_ns() + (LEASE_S + 1) * 1_000_000_000
    monkeypatch.setattr("infra.secrets.vault.time.time_ns", lambda: later_ns)
    assert role.asked_for(config, ACCOUNT, "file") == PASSPHRASE
