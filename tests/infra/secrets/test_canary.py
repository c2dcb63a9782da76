"""A planted password is looked for wherever something could have been left lying."""

from __future__ import annotations

import logging
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from commands.accounts import ACCOUNTS
from infra.cli import account as cli_account
from infra.config import Config
from infra.mt5.simulator import session
from infra.mt5.simulator.clock import RealClock
from infra.mt5.venue import VenueServer
from infra.run.agent import agent_terminal
from infra.secrets.vault import vault
from infra.store.event_store import EventStore
from infra.store.recorders import MemoryRecorder
from infra.subjects.operator import Operator
from infra.subjects.register import Person
from infra.subjects.sealing import new_key
from infra.up.children import CODE
from tests.infra.cli.test_account import asked
from tests.infra.mt5 import worlds
from tests.infra.mt5.worlds import LOGIN

CANARY = "canary-Zx81-9f2c"
ACCOUNT = str(LOGIN)
LIMIT_S = 30.0


@pytest.fixture
def venue(monkeypatch: pytest.MonkeyPatch) -> Iterator[VenueServer]:
    """A broker whose accounts have this password, and whose terminals have none saved."""
    monkeypatch.setattr(session, "PASSWORD", CANARY)
    server = VenueServer(worlds.broker_of(worlds.settings(), RealClock()), "127.0.0.1", 0)
    yield server
    server.close()


@pytest.fixture
def config(tmp_path: Path, venue: VenueServer) -> Config:
    given = {"HOME": str(tmp_path / "home"), "PORT_VENUE": venue.address.rpartition(":")[2]}
    return Config.load({f"TAPEDECK_{name}": text for name, text in given.items()})


def sealed(config: Config, monkeypatch: pytest.MonkeyPatch, password: str) -> cli_account.Wish:
    """A person seals the password, as on the command line; the command that records it."""
    monkeypatch.setattr("infra.secrets.private.no_dumps", lambda: None)  # not of the tests
    with open(os.memfd_create("typed"), "w+") as typed:
        typed.write(f"{password}\n")
        typed.seek(0)
        monkeypatch.setattr(sys, "stdin", typed)
        return cli_account.rotated(config, asked(ACCOUNT, "credential"))


def keeper(config: Config, log: Path) -> subprocess.Popen[bytes]:
    """The role, as `tapedeck run agent` starts it, saying all it can."""
    argv = ["-m", "infra.cli.main", "run", "agent", ACCOUNT, "--secrets", "file"]
    told = {**os.environ, **config.environment(), "TAPEDECK_LOG_LEVEL": "debug"}
    told["PYTHONPATH"] = str(CODE)
    with log.open("wb") as out:
        return subprocess.Popen(
            [sys.executable, *argv],
            env=told,
            stdout=out,
            stderr=out,
            cwd=log.parent,
            preexec_fn=any_dump,
        )


def any_dump() -> None:
    """Whoever crashes from here on may leave a dump of any size where it works."""
    resource.setrlimit(resource.RLIMIT_CORE, resource.getrlimit(resource.RLIMIT_CORE)[1:] * 2)


def lying_about(folder: Path) -> list[Path]:
    """Files that hold the canary."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    return [path for path in files if CANARY.encode() in path.read_bytes()]


def shown_by(process: psutil.Process) -> bytes:
    """What the system tells of a process to whoever may ask."""
    shown = b""
    for name in ("environ", "cmdline", "status"):
        with suppress(PermissionError):  # what nobody may ask is not shown
            shown += (Path("/proc") / str(process.pid) / name).read_bytes()
    return shown


@pytest.mark.parametrize("right", [True, False])
def test_the_password_is_nowhere_but_where_it_logs_in(
    config: Config,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    right: bool,
) -> None:
    caplog.set_level(logging.DEBUG)
    if not right:
        monkeypatch.setattr(session, "PASSWORD", "what the broker changed it to")
    wish = sealed(config, monkeypatch, CANARY)
    role = keeper(config, tmp_path / "role.log")
    terminal = agent_terminal(config, ACCOUNT)
    try:
        until_s = time.monotonic() + LIMIT_S
        while not (entered := terminal.initialize()) and terminal.last_error()[0] != -6:
            assert time.monotonic() < until_s, terminal.last_error()
            time.sleep(0.1)
        assert entered is right
        said = str(terminal.last_error())
        keeping = psutil.Process(role.pid)
        (agent,) = keeping.children()
        shown = shown_by(keeping) + shown_by(agent)
        limits = (Path("/proc") / str(agent.pid) / "limits").read_text()
        agent.send_signal(signal.SIGSEGV)
        agent.wait(LIMIT_S)
    finally:
        terminal.shutdown()
        role.terminate()
        role.wait()
    assert b"infra.mt5.agent.process" in shown
    assert CANARY.encode() not in shown
    assert limits.split("Max core file size")[1].split()[:2] == ["0", "0"]
    assert lying_about(tmp_path) == []
    assert CANARY not in said + caplog.text + repr(wish) + recorded(wish)
    assert vault("file", config.home).credential(ACCOUNT).password == CANARY
    (tmp_path / "spilt").write_text(f"a password: {CANARY}")
    assert lying_about(tmp_path) == [tmp_path / "spilt"]


HOLDER = """
import os, signal, sys
from infra.secrets import private
held = "-".join(("canary", "Zx81", "9f2c"))
if sys.argv[1] == "careful":
    private.no_dumps()
os.kill(os.getpid(), signal.SIGSEGV)
"""


@pytest.mark.parametrize("careful", [True, False])
def test_a_process_that_holds_a_secret_crashes_without_a_dump(
    tmp_path: Path, careful: bool
) -> None:
    """The careless one shows that this machine does write dumps, and that they are looked into."""
    pattern = Path("/proc/sys/kernel/core_pattern").read_text().strip()
    if not careful and ("/" in pattern or pattern.startswith("|")):
        pytest.skip(f"this machine puts dumps elsewhere: {pattern}")
    if not careful and resource.getrlimit(resource.RLIMIT_CORE)[1] == 0:
        pytest.skip("this machine lets nobody leave a dump")
    (tmp_path / "other").touch()
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, "careful" if careful else "careless"],
        env={**os.environ, "PYTHONPATH": str(CODE)},
        cwd=tmp_path,
        preexec_fn=any_dump,
    )
    _, status = os.waitpid(holder.pid, 0)
    holder.returncode = status
    assert os.WTERMSIG(status) == signal.SIGSEGV
    if not careful and not os.WCOREDUMP(status):
        pytest.skip("this machine writes no dumps")
    assert os.WCOREDUMP(status) is not careful
    assert bool(lying_about(tmp_path)) is not careful


def recorded(wish: cli_account.Wish) -> str:
    """The command and what was decided of it, as they are written on the tape and in the store."""
    store, who = EventStore(MemoryRecorder()), Operator(Person("somebody", *new_key()))
    store.handle(ACCOUNTS, cli_account.given(wish, who))
    (rotated,) = [kept.message for kept in store.after(0, 10) if kept.message is not None]
    assert type(rotated.event).__name__ == "CredentialRotated"
    return f"{rotated} {cli_account.given(wish, who)}"
