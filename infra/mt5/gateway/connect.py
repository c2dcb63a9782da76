"""Making the link to the terminal anew, by cause: a refused login is never tried again.

Repeating it would lock the account out, over a restart too. So a refusal halts the account, and is
remembered where the halt is; whoever has mended it resumes the account, and that forgives it.
"""

from __future__ import annotations

import random
from collections.abc import Iterable

from infra.mt5 import constants as mt5
from infra.mt5.gateway.clock import Clock
from infra.mt5.gateway.health import Health, Identity, Rung, look
from infra.mt5.terminal import Terminal

WAIT_FIRST_S, WAIT_LAST_S = 0.25, 5.0
REFUSED = (mt5.RES_E_AUTH_FAILED, mt5.RES_E_UNSUPPORTED, mt5.RES_E_INVALID_VERSION)
REFUSAL = "the login is refused"


def refusal_of(code: int, text: str) -> str:
    """Why a login must not be tried again, or nothing if it may be."""
    mending = "mend it in the terminal, then resume the account"
    return f"{REFUSAL}: {code} {text}; {mending}" if code in REFUSED else ""


def refusal_in(reasons: Iterable[str]) -> str:
    """The refusal among the reasons of a halt, or nothing."""
    return next((reason for reason in sorted(reasons) if reason.startswith(REFUSAL)), "")


class Connector:
    """Looks at the terminal, and links it again where there is no link."""

    refusal: str
    """Why the broker does not let us in, or nothing: a person must act."""

    def __init__(
        self, terminal: Terminal, clock: Clock, jitter: random.Random, refusal: str = ""
    ) -> None:
        self._terminal = terminal
        self._clock = clock
        self._jitter = jitter
        self._wait_s = WAIT_FIRST_S
        self._next_s = clock.monotonic_s()
        self.refusal = refusal

    def look(self, identity: Identity) -> Health:
        """The rung that the terminal stands on, after an attempt to mend the link if it is due."""
        health = look(self._terminal, identity)
        if health.rung is not Rung.DOWN:
            self._wait_s = WAIT_FIRST_S
            return health
        if self.refusal:
            return Health(Rung.DOWN, self.refusal)
        if self._clock.monotonic_s() < self._next_s:
            return health
        return self._linked(identity)

    def _linked(self, identity: Identity) -> Health:
        if self._terminal.initialize(login=identity.login):
            return look(self._terminal, identity)
        code, text = self._terminal.last_error()
        self.refusal = refusal_of(code, text)
        self._next_s = self._clock.monotonic_s() + self._wait_s * self._jitter.uniform(0.8, 1.2)
        self._wait_s = min(WAIT_LAST_S, self._wait_s * 2)
        return Health(Rung.DOWN, self.refusal or f"the terminal cannot be reached: {code} {text}")
