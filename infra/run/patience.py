"""Trouble that passes has one cure: leave, wait, begin again from what is stored."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from confluent_kafka import KafkaException

from infra.observe import telemetry
from infra.stream import kafka
from infra.stream.schema_ids import RegistryAway

HEALTHY_AFTER_S = 10.0
"""An attempt that went well for so long has earned short waits again."""
TAPE_AWAY = (RegistryAway, KafkaException)
"""The tape cannot be read or written now, or not by this client any more: ask a new one."""

log = logging.getLogger(__name__)


def patiently(
    role: str,
    attempt: Callable[[], None],
    stop: threading.Event,
    passing: tuple[type[Exception], ...],
) -> None:
    """Attempt again after all trouble that is `passing`, until it returns or `stop` is set."""
    waits = kafka.backoff_s()
    while not stop.is_set():
        began_s = time.monotonic()
        try:
            attempt()
        except passing as trouble:
            if time.monotonic() - began_s > HEALTHY_AFTER_S:
                waits = kafka.backoff_s()
            wait_s = next(waits)
            away = telemetry.AWAY.labels(role, type(trouble).__name__)
            away.set(1)
            log.warning("%s starts over in %.1f s: %s", role, wait_s, trouble)
            stop.wait(wait_s)
            away.set(0)
        else:
            return
