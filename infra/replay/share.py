"""A partition's keys dealt out: what is of one key never meets what is of another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from zlib import crc32

from confluent_kafka import Consumer
from msgspec import Struct

from infra.stream import tape

LOOKED_AT = 20_000
"""Records at the end of a partition that show how much there is of each key."""


class Share(Struct, frozen=True):
    """One of `count` shares of the keys. `dealt` has the keys that were looked at."""

    index: int = 0
    count: int = 1
    dealt: Mapping[bytes, int] = {}

    def has(self, key: bytes | None) -> bool:
        """Whether a record of this key is in the share; every record is in exactly one."""
        if self.count == 1:
            return True
        key = key or b""
        at = self.dealt.get(key)
        return (crc32(key) % self.count if at is None else at) == self.index


WHOLE = Share()


def dealt(client: Consumer, topic: str, number: int, end: int, count: int) -> list[Share]:
    """So many shares of a partition, about equally large; `topic` is the broker's name."""
    if count == 1:
        return [WHOLE]
    low, _ = tape.bounds(client, topic, number)
    seen: Counter[bytes] = Counter()
    for batch in tape.read(client, topic, number, max(low, end - LOOKED_AT), end):
        seen.update(record.key for record in batch if record.key is not None)
    sizes = [0] * count
    places: dict[bytes, int] = {}
    for key, size in seen.most_common():
        places[key] = at = sizes.index(min(sizes))
        sizes[at] += size
    return [Share(index, count, places) for index in range(count)]
