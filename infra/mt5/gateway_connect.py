"""Making the link to the terminal anew, by cause: a refused login is never tried again."""

from __future__ import annotations

import random

from infra.mt5 import constants as mt5
from infra.mt5 import gateway_health
from infra.mt5.gateway_clock import Clock
from infra.mt5.gateway_health import Health, Identity, Rung
from infra.mt5.terminal import Terminal

WAIT_FIRST_S, WAIT_LAST_S = 0.25, 5.0
REFUSED = (mt5.RES_E_AUTH_FAILED, mt5.RES_E_UNSUPPORTED, mt5.RES_E_INVALID_VERSION)


class Connector:
    """Looks at the terminal, and links it again where there is no link."""

    def __init__(self, terminal: Terminal, clock: Clock, jitter: random.Random) -> None:
        self._terminal = terminal
        self._clock = clock
        self._jitter = jitter
        self._wait_s = WAIT_FIRST_S
        self._next_s = clock.monotonic_s()
        self._refusal = ""

    def look(self, identity: Identity) -> Health:
        """The rung that the terminal stands on, after an attempt to mend the link if it is due."""
        health = gateway_health.look(self._terminal, identity)
        if health.rung is not Rung.DOWN:
            self._wait_s = WAIT_FIRST_S
            return health
        if self._refusal:
            return Health(Rung.DOWN, self._refusal)
        if self._clock.monotonic_s() < self._next_s:
            return health
        return self._linked(identity)

    @property
    def refusal(self) -> str:
        """Why the broker does not let us in, or nothing: a person must act, repeating locks out."""
        return self._refusal

    def _linked(self, identity: Identity) -> Health:
        if self._terminal.initialize(login=identity.login):
            return gateway_health.look(self._terminal, identity)
        code, text = self._terminal.last_error()
        if code in REFUSED:
            self._refusal = f"the login is refused: {code} {text}"
        self._next_s = self._clock.monotonic_s() + self._wait_s * self._jitter.uniform(0.8, 1.2)
        self._wait_s = min(WAIT_LAST_S, self._wait_s * 2)
        return Health(Rung.DOWN, f"the terminal cannot be reached: {code} {text}")
