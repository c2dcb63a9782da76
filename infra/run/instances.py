"""A stable name for each process of a group, so that a restart takes its own place at once.

Kafka's static membership: without it a group waits for a killed member's session to end.
"""

from __future__ import annotations

import fcntl
import socket
import zlib
from typing import IO

from infra.config import Config


def claimed(config: Config, group: str) -> tuple[str, IO[bytes]]:
    """The first name that no living process of this home has, and the lock that holds it.

    The name is free again when the lock is closed, or when this process ends, however it ends.
    """
    folder = config.home / "state"
    folder.mkdir(parents=True, exist_ok=True)
    place = f"{socket.gethostname()}.{zlib.crc32(str(config.home).encode()):08x}"
    number = 0
    while True:
        lock = (folder / f"{group}.{number}.lock").open("ab")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            number += 1
        else:
            return f"{place}.{number}", lock
