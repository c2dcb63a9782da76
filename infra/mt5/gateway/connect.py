"""Making the link to the terminal anew, by cause: a refused login is never tried again.

Repeating it would lock the account out, over a restart too. So a refusal halts the account, and is
remembered where the halt is; whoever has mended it resumes the account, and that forgives it. Any
other failure is tried again after a wait that grows, or soon after the agent is well again: its
keeper has waited too, and nobody gains by both waits, one after the other.
"""

from __future__ import annotations

import random
from collections.abc import Iterable

from infra.mt5.backoff import Backoff
from infra.mt5.gateway.clock import Clock
from infra.mt5.gateway.health import Health, Identity, Rung, look
from infra.mt5.recovery import Recovery, of_error
from infra.mt5.terminal import Terminal

REFUSAL = "the login is refused"
SOON_S = 0.5
"""Within this all who wait for an agent try again, not all at once."""


def refusal_of(code: int, text: str) -> str:
    """Why a login must not be tried again, or nothing if it may be."""
    mending = "mend it in the terminal, then resume the account"
    never = of_error(code) is Recovery.NEVER_AGAIN
    return f"{REFUSAL}: {code} {text}; {mending}" if never else ""


def refusal_in(reasons: Iterable[str]) -> str:
    """The refusal among the reasons of a halt, or nothing."""
    return next((reason for reason in sorted(reasons) if reason.startswith(REFUSAL)), "")


class Connector:
    """Looks at the terminal, and links it again where there is no link."""

    refusal: str
    """Why the broker does not let us in, or nothing: a person must act."""
    failures: int
    """How often in a row the link could not be made; `failure` is why."""

    def __init__(
        self, terminal: Terminal, clock: Clock, jitter: random.Random, refusal: str = ""
    ) -> None:
        self._terminal = terminal
        self._clock = clock
        self._jitter = jitter
        self._backoff = Backoff()
        self._next_s = clock.monotonic_s()
        self._tried = ""
        self.refusal = refusal
        self.failures = 0
        self.failure = ""

    def look(self, identity: Identity) -> Health:
        """The rung that the terminal stands on, after an attempt to mend the link if it is due."""
        health = look(self._terminal, identity)
        if health.rung is not Rung.DOWN:
            self.failures = 0
            return health
        if self.refusal:
            return Health(Rung.DOWN, self.refusal)
        self._heed_return()
        if self._clock.monotonic_s() < self._next_s:
            return health
        return self._linked(identity)

    def _heed_return(self) -> None:
        """Wait no longer for an agent that came back: once for each of its lives."""
        if self.failures == 0:
            return
        life = self._terminal.life()
        if life not in ("", self._tried):
            self._tried = life
            soon_s = self._clock.monotonic_s() + self._jitter.uniform(0.0, SOON_S)
            self._next_s = min(self._next_s, soon_s)

    def _linked(self, identity: Identity) -> Health:
        if self._terminal.initialize(login=identity.login):
            return look(self._terminal, identity)
        code, text = self._terminal.last_error()
        self.refusal = refusal_of(code, text)
        self.failures += 1
        self.failure = f"{code} {text}"
        wait_s = self._backoff.wait_s(self.failures, self._jitter)
        self._next_s = self._clock.monotonic_s() + wait_s
        return Health(Rung.DOWN, self.refusal or f"the terminal cannot be reached: {self.failure}")
