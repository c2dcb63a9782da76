"""Orders that no gateway takes up: once their time is over they end, and their saga can go on.

A gateway ends what comes too late for it. Where none is at work, because its account is traded
nowhere any more, nobody else would. Which orders that may concern a read model tells; the decider
has the last word, so that it may tell of too many.
"""

from __future__ import annotations

import logging
import time

from commands.order_life import ORDERS
from commands.orders import ExpireOrder
from events.envelope import caused_by
from infra.store import read_models
from infra.store.event_store import EventStore
from infra.store.postgres import Pool

LOOK_EVERY_S = 15.0
GRACE_US = 10_000_000
"""A gateway that is there is quicker."""
SOURCE = "expiry"

log = logging.getLogger(__name__)


class Expiry:
    """Looks now and then at all that the read model holds."""

    def __init__(self, store: EventStore, pool: Pool, conninfo: str) -> None:
        self._store = store
        self._pool = pool
        self._orders = f'"{read_models.read_schema(conninfo)}".orders'
        self._due_s = time.monotonic() + LOOK_EVERY_S

    def beat(self) -> None:
        """Look, if it is time to."""
        if time.monotonic() >= self._due_s:
            self.look(time.time_ns() // 1_000)
            self._due_s = time.monotonic() + LOOK_EVERY_S

    def look(self, now_us: int) -> int:
        """End what is over; how many orders that was."""
        return sum(self._expire(order_id, now_us) for order_id in self._over(now_us))

    def _over(self, now_us: int) -> list[str]:
        """Orders that seem to be over: none where no projection has ever been at work."""
        with self._pool.connection() as connection:
            found = connection.execute("select to_regclass(%s)", (self._orders,)).fetchone()
            if found is None or found[0] is None:
                return []
            rows = connection.execute(
                f"select order_id from {self._orders} where state = 'accepted' "
                "and expires_at_us < %s".encode(),
                (now_us - GRACE_US,),
            )
            return [order_id for (order_id,) in rows]

    def _expire(self, order_id: str, now_us: int) -> bool:
        _, (accepted, *_) = self._store.load(f"{ORDERS.name}:{order_id}")
        command = caused_by(
            accepted,
            ExpireOrder(order_id=order_id, expired_at_us=now_us),
            source=SOURCE,
            sequence="",
            key=accepted.key,
            step="expire",
            actor=SOURCE,
        )
        ended = bool(self._store.handle(ORDERS, command))
        if ended:
            log.warning("order %s has expired: no gateway took it up", order_id)
        return ended
