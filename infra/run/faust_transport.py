"""Faust on Kafka: committed records only, an idempotent producer, brokers that go away, lag."""

from __future__ import annotations

import logging
from time import monotonic
from typing import Any

from faust.transport.drivers import aiokafka as driver
from faust.types import TP

log = logging.getLogger(__name__)


class CommittedReader(driver.AIOKafkaConsumerThread):
    """Reads committed records only, and rides out a broker that is away."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = (
            "read_committed"  # Faust offers it with its own transactions only
        )
        return consumer

    async def _commit(self, offsets: Any) -> bool:
        held = self.assignment()
        mine = {driver.ensure_aiokafka_TP(tp): at for tp, at in offsets.items() if tp in held}
        try:
            await self._ensure_consumer().commit(mine)
        except Exception as away:  # only lag is measured by it: Faust would end the process
            log.warning("offsets are not committed: %r", away)
            return False
        self.tp_last_committed_at.update(dict.fromkeys(mine, monotonic()))
        return True


class CommittedConsumer(driver.Consumer):
    """Faust's consumer on a `CommittedReader`."""

    def _new_consumer_thread(self) -> Any:
        return CommittedReader(self, loop=self.loop, beacon=self.beacon)


class IdempotentProducer(driver.Producer):
    """Faust's producer without its own repeats and reorderings."""

    def _settings_extra(self) -> Any:
        return {"acks": "all", "enable_idempotence": True}


class Transport(driver.Transport):
    """Faust's aiokafka transport with the two above."""

    Consumer = CommittedConsumer
    Producer = IdempotentProducer


def behind(app: Any, tp: TP, next_offset: int | None) -> int | None:
    """How many records there are from `next_offset` on; None while we do not know.

    Where all that was handed out is taken, the rest up to the end are marks of transactions.
    """
    client = app.consumer._thread._consumer if app.consumer._thread else None
    held = client and client._subscription.subscription
    state = held and held.assignment and held.assignment.state_value(driver.ensure_aiokafka_TP(tp))
    if next_offset is None or not state or state.lso is None or not state.has_valid_position:
        return None
    handed_out = app.consumer._read_offset.get(tp)
    is_open = handed_out is not None and handed_out >= next_offset
    place = next_offset if is_open else max(next_offset, state.position)
    return max(0, int(state.lso) - place)
