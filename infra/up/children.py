"""A child of the supervisor: a role or a service, how it starts, how long to wait for it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import infra
from infra.config import Config
from infra.embedded.process import spawn
from infra.settings import PREFIX
from infra.up.roles import Role, metrics_port

BACK_OFF_S = 0.5
BACK_OFF_S_MAX = 10.0
STEADY_S = 30.0  # after this long a role is forgiven its restarts
LINE_CHARACTERS_MAX = 300
USAGE_ERROR = 2  # of `tapedeck`: a setting, or something on disk, that cannot be used
LOG_BYTES_MAX = 8 * 1024 * 1024
CODE = Path(infra.__file__).parents[1]


class Service(Protocol):
    """An embedded service, as its own file describes it."""

    @property
    def pid(self) -> int | None:
        """Its process."""

    def running(self) -> bool:
        """Whether that process lives."""

    def start(self) -> None:
        """Return when it answers."""

    def stop(self) -> None:
        """Return when it is gone."""


@dataclass(slots=True)
class Patience:
    """How long to wait before the next try of something that keeps ending."""

    restarts: int = 0
    started_s: float = 0.0
    _wait_s: float = BACK_OFF_S
    _due_s: float = 0.0

    def begin(self, now_s: float) -> None:
        """It was started."""
        self.started_s = now_s
        self._due_s = 0.0

    def due(self, now_s: float) -> bool:
        """It is not running: is it time to start it again?"""
        if not self._due_s:
            if now_s - self.started_s > STEADY_S:
                self._wait_s = BACK_OFF_S
            self._due_s = now_s + self._wait_s
            self._wait_s = min(2 * self._wait_s, BACK_OFF_S_MAX)
            self.restarts += 1
        return now_s >= self._due_s


@dataclass(slots=True)
class RoleProcess:
    """A role of this copy as a child process with its own log."""

    config: Config
    role: Role
    argv: Callable[[Config, Role], list[str]]
    patience: Patience = field(default_factory=Patience)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def name(self) -> str:
        """As in the log folder and on the screen."""
        return self.role.name

    @property
    def log(self) -> Path:
        """Where its standard output and error go."""
        return self.config.logs / f"{self.role.name}.log"

    @property
    def pid(self) -> int | None:
        """The process of the latest start."""
        return self._process.pid if self._process else None

    def running(self) -> bool:
        """Whether it lives."""
        return self._process is not None and self._process.poll() is None

    def refused(self) -> bool:
        """Whether it ended because it cannot run like this: to start it again helps nothing."""
        return self._process is not None and self._process.poll() == USAGE_ERROR

    def start(self) -> None:
        """Start it; what it is still reading up on is its own business."""
        bound_log(self.log)
        argv = self.argv(self.config, self.role)
        self._process = spawn(argv, self.log, env=environment(self.config), cwd=CODE)

    def ask_to_stop(self) -> None:
        """SIGTERM, without waiting."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def wait(self, deadline_s: float) -> None:
        """Wait for its end until the deadline; then it is killed."""
        if self._process is None:
            return
        try:
            self._process.wait(max(0.0, deadline_s - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@dataclass(slots=True)
class ServiceProcess:
    """An embedded service under watch: it is started again too, should it end."""

    name: str
    service: Service
    patience: Patience = field(default_factory=Patience)


def command(*arguments: str) -> list[str]:
    """The `tapedeck` command of this installation, as a child runs it."""
    return [sys.executable, "-m", "infra.cli.main", *arguments]


def role_command(config: Config, role: Role) -> list[str]:
    """How a role of `up` is run."""
    port = str(metrics_port(config, role))
    return command("run", "--metrics-port", port, *role.arguments)


def environment(config: Config) -> dict[str, str]:
    """A child's environment: ours, with this configuration instead of whatever we were given."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith(PREFIX)}
    threads = {"OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
    return {**kept, **threads, "PYTHONUNBUFFERED": "1", **config.environment()}


def bound_log(log: Path) -> None:
    """Keep one old log at most: a start finds room."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > LOG_BYTES_MAX:
        log.replace(log.with_suffix(".log.1"))


def last_line(log: Path) -> str:
    """What a child wrote last, often why it ended."""
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return lines[-1][:LINE_CHARACTERS_MAX] if lines else "it wrote nothing"
