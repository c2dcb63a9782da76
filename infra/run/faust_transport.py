"""Faust on Kafka: committed records only, an idempotent producer, brokers that go away."""

from __future__ import annotations

import logging
from time import monotonic
from typing import Any

from faust.transport.drivers import aiokafka as driver

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
