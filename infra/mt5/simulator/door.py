"""What keeps a request from the server: no connection, too many at a time.

Nothing of this is part of the book: what is refused here was never judged.
"""

from collections import deque

from infra.mt5 import constants as mt5
from infra.mt5.simulator.judge_terms import ACCEPTED

_SECOND_MS = 1_000


class Door:
    """The way into the server, for the requests of one account."""

    def __init__(self, requests_per_s_max: int, outages_ms: tuple[tuple[int, int], ...]) -> None:
        self._outages_ms = outages_ms
        self._max = requests_per_s_max
        self._came_ms: deque[int] = deque(maxlen=requests_per_s_max or 1)

    def connected(self, at_ms: int) -> bool:
        """Whether the terminal reaches the server."""
        return not any(from_ms <= at_ms < to_ms for from_ms, to_ms in self._outages_ms)

    def refusal(self, at_ms: int) -> int:
        """`ACCEPTED`, or the code for a request that does not get in now."""
        if not self.connected(at_ms):
            return mt5.TRADE_RETCODE_CONNECTION
        full = self._max > 0 and len(self._came_ms) == self._max
        if full and at_ms - self._came_ms[0] < _SECOND_MS:
            return mt5.TRADE_RETCODE_TOO_MANY_REQUESTS
        self._came_ms.append(at_ms)
        return ACCEPTED
