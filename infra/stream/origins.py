"""Headers of what nothing on the tape caused, many at once: ticks, and refusals of quotes.

They are what `wire.write` writes; a test compares them.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha1

import numpy as np

from events.envelope import TAPE, Event
from infra.stream import identifiers, wire
from infra.stream.headings import CONTENT, SPECIFICATION, type_header
from infra.stream.wire import Headers

_TENANT = ("ce_tenantid", b"default")
_ACTOR = ("ce_actor", b"system")
_TIME = np.frombuffer(b"0000-00-00T00:00:00.000000Z", np.uint8)
_MINUTE_CHARS = len("2026-01-31T12:00:")
_DIGITS_AT = [17, 18, 20, 21, 22, 23, 24, 25]
_TENS = 10 ** np.arange(7, -1, -1)


class Origin:
    """What one source says under one key, and nothing on the tape caused.

    The headers are those of `first_cause`. What all of them share is made once, the beginning of
    the hash that names them too.
    """

    __slots__ = ("_begun", "_kind", "_source")

    def __init__(self, source: str, key: str, kind: type[Event]) -> None:
        self._begun = sha1(TAPE.bytes + f"{source}|{key}|".encode(), usedforsecurity=False)
        self._source = ("ce_source", source.encode())
        self._kind = type_header(kind)

    def headers(self, numbers: Sequence[int], times_us: Sequence[int]) -> list[Headers]:
        """Of the messages with these numbers: the sequence of each is its sixteen digits."""
        sequences = [b"%016d" % number for number in numbers]
        names = identifiers.named(list(map(self._digest, sequences)))
        parents = identifiers.parents(identifiers.digits_of(names), names)
        ids = identifiers.texts_of(names)
        times = rfc3339_all(times_us)
        return [
            [
                SPECIFICATION,
                ("ce_id", message_id),
                self._kind,
                self._source,
                ("ce_sequence", sequence),
                ("ce_time", time),
                ("ce_correlationid", message_id),
                _TENANT,
                _ACTOR,
                CONTENT,
                ("traceparent", parent),
            ]
            for message_id, sequence, time, parent in zip(
                ids, sequences, times, parents, strict=True
            )
        ]

    def _digest(self, sequence: bytes) -> bytes:
        digest = self._begun.copy()
        digest.update(sequence)
        return digest.digest()


def rfc3339_all(times_us: Sequence[int]) -> list[bytes]:
    """What `wire.rfc3339_bytes` makes of each, digit by digit for all of them."""
    minutes, rests_us = np.divmod(np.array(times_us, np.int64), wire.MINUTE_US)
    known, place = np.unique(minutes, return_inverse=True)
    begun = b"".join(map(wire.minute_text, known.tolist()))
    if len(begun) != _MINUTE_CHARS * len(known):  # years of less than four digits
        return list(map(wire.rfc3339_bytes, times_us))
    texts = np.tile(_TIME, (len(times_us), 1))
    texts[:, :_MINUTE_CHARS] = np.frombuffer(begun, np.uint8).reshape(-1, _MINUTE_CHARS)[place]
    texts[:, _DIGITS_AT] = rests_us[:, None] // _TENS % 10 + ord("0")
    return identifiers.texts_of(texts)
