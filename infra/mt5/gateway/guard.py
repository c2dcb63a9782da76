"""The account's breaker at work: what the gateway hears turns it, each turn is told and kept."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable

from commands.accounts import BreakerPosition
from events.orders import OrderAccepted
from infra.mt5.breaker import Breaker, resumed
from infra.mt5.gateway.clock import Clock
from infra.mt5.gateway.connect import Connector
from infra.mt5.gateway.ledger import Ledger
from infra.mt5.gateway.send import Lost, NotSent, Result
from infra.mt5.gateway.warm import Warm

log = logging.getLogger(__name__)


class Guard:
    """Says which orders the terminal is good for. `probe` asks it one read; `warm` knows quotes."""

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        luck: random.Random,
        probe: Callable[[], bool],
        warm: Warm,
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._luck = luck
        self._probe = probe
        self._warm = warm
        self._breaker = resumed(ledger.breaker(), clock.monotonic_s())

    def bars(self, order: OrderAccepted) -> bool:
        """Whether the order must wait for the terminal, or its quotes, to be relied on."""
        opens = order.closes_position is None
        return not self._breaker.passes(not opens) or (opens and self._warm.watching)

    def answered(self, result: Result) -> None:
        """What came of an order."""
        match result:
            case NotSent():
                return
            case Lost(detail):
                now_s = self._clock.monotonic_s()
                self._turn(self._breaker.unknown(detail, now_s, self._luck))
            case _:
                self._turn(self._breaker.proven())

    def beat(self, connector: Connector) -> None:
        """Count what the link has failed, and ask the terminal if it is time for that."""
        now_s = self._clock.monotonic_s()
        failures = connector.failures
        self._turn(self._breaker.unlinked(failures, connector.failure, now_s, self._luck))
        self._turn(self._breaker.due(now_s))
        if self._breaker.position is BreakerPosition.HALF_OPEN:
            answered = self._probe()
            self._turn(self._breaker.probed(answered, self._clock.monotonic_s(), self._luck))

    def _turn(self, after: Breaker) -> None:
        """A turn is on the record before anything is done about it."""
        before, self._breaker = self._breaker, after
        if after.position is not before.position:
            log.warning("the breaker is %s: %s", after.position.value, after.reason or "answered")
            self._ledger.turn_breaker(after.position, after.reason, self._clock.now_us())
