"""The keeper of an agent: starts it as a child, feels its pulse, replaces it when it hangs or dies.

An agent that is killed breaks the links of its callers, so that whatever was in flight is unknown
to them; its successor takes none of their calls before they have said hello again.
"""

from __future__ import annotations

import logging
import random
import subprocess
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from time import monotonic

from prometheus_client import Counter

from infra.mt5.agent.client import AgentPulse
from infra.mt5.agent.contract import Pulse
from infra.mt5.agent.keys import Keys
from infra.mt5.backoff import Backoff

REPLACED = Counter("tapedeck_agents_replaced_total", "Agents that hung or died", ("account",))
STOP_S = 5.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """How long an agent may take for what.

    `overdue_s`: a call may outlast its deadline by so much; it is lost to its caller anyway, but
    the terminal may still come back. `steady_s`: who lived that long is replaced at once.
    """

    start_s: float = 30.0
    silent_s: float = 5.0
    overdue_s: float = 2.0
    steady_s: float = 30.0
    pulse_s: float = 1.0


class Keeper:
    """One agent under watch. Use it from one thread."""

    def __init__(
        self,
        login: int,
        command: Callable[[str], Sequence[str]],
        keys: Keys,
        listen: str,
        place: Path,
        limits: Limits | None = None,
        errors: Path | None = None,
        passphrase: str = "",
    ) -> None:
        self._login = login
        self._command = command
        self._keys = keys
        self._listen = listen
        self._place = place
        self._limits = limits or Limits()
        self._errors = errors
        self._passphrase = passphrase
        self._backoff = Backoff()
        self._luck = random.Random(login)
        self._child: _Child | None = None
        self._failures = 0
        self._due_s = monotonic()
        self._withdrawn = False
        self.pulse: Pulse | None = None
        """What the agent said of itself when it was looked at last."""

    @property
    def pid(self) -> int | None:
        """The agent's process, if it has one."""
        return self._child.process.pid if self._child else None

    def look(self) -> None:
        """Start the agent if it is time; end it if it has died, hangs or is silent."""
        if self._child is None:
            if monotonic() >= self._due_s:
                argv = self._command(self._listen)
                self._child = _Child(argv, self._errors, self._passphrase)
            return
        if complaint := self._complaint(self._child):
            log.warning("the agent of %d is replaced: it %s", self._login, complaint)
            self._replace(self._child)

    def withdraw(self) -> None:
        """Tell new callers no more where the agent is; it goes on with what it has."""
        self._withdrawn = True
        self._place.unlink(missing_ok=True)

    def offer(self) -> None:
        """Tell callers again."""
        self._withdrawn = False
        if self._child is not None and self._child.address:
            self._publish(self._child.address)

    def stop(self) -> None:
        """End the agent and start it no more."""
        if self._child is not None:
            self._child.end(STOP_S)
            self._child = None
        self._place.unlink(missing_ok=True)

    def _complaint(self, child: _Child) -> str:
        """What is wrong with the agent, or nothing."""
        if (status := child.process.poll()) is not None:
            return f"ended with status {status}"
        now_s, limits = monotonic(), self._limits
        if not child.address:
            late = now_s - child.started_s > limits.start_s
            return f"did not start within {limits.start_s:g} s" if late else ""
        if child.pulse is None:
            self._answered(child)
        pulse = self.pulse = child.pulse.take(limits.pulse_s) if child.pulse else None
        if pulse is None:
            silent = monotonic() - child.heard_s > limits.silent_s
            return f"has been silent for {limits.silent_s:g} s" if silent else ""
        child.heard_s = monotonic()
        if pulse.spent:
            return "has no memory left"
        hangs = pulse.overdue_s > limits.overdue_s
        return f"hangs in {pulse.function}" if hangs else ""

    def _answered(self, child: _Child) -> None:
        """It listens: its callers may know where, and its successor will listen there too."""
        self._listen = child.address
        if not self._withdrawn:
            self._publish(child.address)
        child.pulse = AgentPulse(child.address, self._login, self._keys)
        child.heard_s = monotonic()
        log.info("the agent of %d listens at %s", self._login, child.address)

    def _publish(self, address: str) -> None:
        self._place.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._place.with_suffix(".new")
        fresh.write_text(address)
        fresh.replace(self._place)

    def _replace(self, child: _Child) -> None:
        REPLACED.labels(str(self._login)).inc()
        steady = monotonic() - child.started_s > self._limits.steady_s
        self._failures = 0 if steady else self._failures + 1
        self._due_s = monotonic() + self._backoff.wait_s(self._failures - 1, self._luck)
        child.end(0.0)
        self._child = self.pulse = None


class _Child:
    """An agent's process. It ends when the pipe to its standard input does."""

    def __init__(self, argv: Sequence[str], errors: Path | None, passphrase: str) -> None:
        with errors.open("ab") if errors else nullcontext() as log:
            self.process = subprocess.Popen(
                argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
            )
        self._tell(passphrase)
        self.started_s = self.heard_s = monotonic()
        self.address = ""
        self.pulse: AgentPulse | None = None
        self._hearing = Thread(target=self._hear, name="agent-address", daemon=True)
        self._hearing.start()

    def _tell(self, passphrase: str) -> None:
        """The first and only line that it is told: a pipe is seen by nobody else."""
        if passphrase and self.process.stdin is not None:
            with suppress(BrokenPipeError):  # it has ended already, and that will be seen
                self.process.stdin.write(f"{passphrase}\n")
                self.process.stdin.flush()

    def _hear(self) -> None:
        """The first line that it says is where it listens."""
        if self.process.stdout is not None:
            self.address = self.process.stdout.readline().strip()

    def end(self, patience_s: float) -> None:
        """Close its pipe, wait, kill it."""
        if self.pulse is not None:
            self.pulse.close()
        if self.process.stdin is not None:
            self.process.stdin.close()
        try:
            self.process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._hearing.join()
        if self.process.stdout is not None:
            self.process.stdout.close()
