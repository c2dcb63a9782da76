"""`run.json` in the home: what the running copy consists of, for whoever comes later."""

from __future__ import annotations

import fcntl
import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import msgspec
import psutil

from infra import whole
from infra.config import Config, ConfigError
from infra.embedded.process import ServiceError
from infra.settings import PREFIX

LEFTOVER_DEADLINE_S = 20.0
CREATED_TOLERANCE_S = 1.0
SHARED = ("NAMESPACE", "ACCOUNTS", "AGENTS", "SYMBOLS", "SEED")


class Part(msgspec.Struct, frozen=True):
    """A process of the copy. Its creation time tells it from a stranger that got the same pid."""

    name: str
    pid: int | None
    created_s: float
    state: str  # running, waiting (for its next try), stopped
    restarts: int

    def alive(self) -> bool:
        """Whether this very process runs."""
        if self.pid is None:
            return False
        try:
            found = psutil.Process(self.pid)
            age_differs_s = abs(found.create_time() - self.created_s)
            return bool(
                age_differs_s < CREATED_TOLERANCE_S and found.status() != psutil.STATUS_ZOMBIE
            )
        except psutil.NoSuchProcess:
            return False


class Run(msgspec.Struct, frozen=True):
    """The whole copy, the supervisor first."""

    supervisor: Part
    phase: str  # starting, running, stopping
    started_s: float
    addresses: dict[str, str]
    parts: tuple[Part, ...]
    settings: dict[str, str] = {}


def part(name: str, pid: int | None, state: str, restarts: int = 0) -> Part:
    """A part with the creation time that the system knows."""
    try:
        created_s = psutil.Process(pid).create_time() if pid is not None else 0.0
    except psutil.NoSuchProcess:
        created_s = 0.0
    return Part(name, pid, created_s, state, restarts)


def write(home: Path, run: Run) -> None:
    """Replace the file in one step: a reader sees the old one or the new one."""
    whole.write(home / "run.json", msgspec.json.format(msgspec.json.encode(run), indent=1))


def read(home: Path) -> Run | None:
    """What was written last; None when nothing ever ran here. `ConfigError` if it is damaged."""
    file = home / "run.json"
    try:
        return msgspec.json.decode(file.read_bytes(), type=Run) if file.exists() else None
    except (msgspec.DecodeError, UnicodeDecodeError) as broken:
        raise ConfigError(
            f"{file} is damaged ({broken}); stop what runs here, then remove that file"
        ) from None


def settings_of(config: Config) -> dict[str, str]:
    """What another command must be told in order to mean this copy.

    Not the address of a Postgres that was given: it may hold a password.
    """
    names = {*SHARED, *(name.upper() for name in config.external - {"postgres"})}
    ports = PREFIX + "PORT_"
    given = config.environment().items()
    return {n: v for n, v in given if n.startswith(ports) or n.removeprefix(PREFIX) in names}


def meant(home: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """The settings given, and of the copy that runs in this home those that were not.

    Whoever gives a port means a copy of their own.
    """
    given = {name: text for name, text in environ.items() if text}
    if any(name.startswith(PREFIX + "PORT_") for name in given):
        return given
    run = read(home)
    return {**run.settings, **given} if run is not None and run.supervisor.alive() else given


@contextmanager
def held(home: Path) -> Iterator[None]:
    """Hold the home. The kernel lets go of it when we end, however we end."""
    with _lock(home) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise ServiceError(
                f"TAPEDECK_HOME {home} is held by a running copy (pid {lock.read().strip()}); "
                "`tapedeck down` stops it, another TAPEDECK_HOME runs beside it"
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


def _lock(home: Path) -> IO[str]:
    try:
        home.mkdir(parents=True, exist_ok=True)
        return (home / "lock").open("a+")
    except OSError as wrong:
        why = f"{wrong.filename}: {wrong.strerror}"
        raise ConfigError(f"TAPEDECK_HOME is {str(home)!r}; give another folder ({why})") from None


def end_leftovers(home: Path) -> None:
    """Wait for what a killed supervisor left behind: the kernel has told it to end. Then insist."""
    run = read(home)
    left = [p for p in (run.parts if run else ()) if p.alive()]
    deadline_s = time.monotonic() + LEFTOVER_DEADLINE_S
    while left and time.monotonic() < deadline_s:
        time.sleep(0.1)
        left = [p for p in left if p.alive()]
    for p in left:
        assert p.pid is not None
        os.kill(p.pid, signal.SIGKILL)
