"""Headers of what nothing on the tape caused, many at once: ticks, and refusals of quotes.

They are what `wire.write` writes; a test compares them.
"""

from __future__ import annotations

from binascii import hexlify
from collections.abc import Sequence
from hashlib import sha1
from typing import Any

import numpy as np
import numpy.typing as npt

from events.envelope import TAPE, Event
from infra import wire
from infra.headings import CONTENT, ID_CHARS, SPECIFICATION, type_header
from infra.wire import Headers

_TENANT = ("ce_tenantid", b"default")
_ACTOR = ("ce_actor", b"system")
_TIME = np.frombuffer(b"0000-00-00T00:00:00.000000Z", np.uint8)
_MINUTE_CHARS = len("2026-01-31T12:00:")
_DIGITS_AT = [17, 18, 20, 21, 22, 23, 24, 25]
_TENS = 10 ** np.arange(7, -1, -1)
_DASHES = [8, 13, 18, 23]
_VERSION, _VARIANT = 14, 19
_DIGIT_AT = np.cumsum(~np.isin(np.arange(ID_CHARS), _DASHES)) - 1
_PARENT = np.frombuffer(b"00-%032d-%016d-01" % (0, 0), np.uint8)
_VARIANT_OF = np.array([ord("89ab"[(n - 48 if n < 58 else n - 87) & 3]) for n in range(128)], "u1")


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
        names, parents = _named(self._begun, sequences)
        times = rfc3339_all(times_us)
        return [
            [
                SPECIFICATION,
                ("ce_id", name),
                self._kind,
                self._source,
                ("ce_sequence", sequence),
                ("ce_time", time),
                ("ce_correlationid", name),
                _TENANT,
                _ACTOR,
                CONTENT,
                ("traceparent", parent),
            ]
            for name, sequence, time, parent in zip(names, sequences, times, parents, strict=True)
        ]


def _named(begun: Any, sequences: Sequence[bytes]) -> tuple[list[bytes], list[bytes]]:
    """Identifiers as `named` makes them, and the trace parents of messages that are first causes.

    Only the hash of each is made by itself: text is cut and joined for all of them together.
    """
    digests = []
    for sequence in sequences:
        digest = begun.copy()
        digest.update(sequence)
        digests.append(digest.digest())
    digits = np.frombuffer(hexlify(b"".join(digests)), np.uint8).reshape(-1, 2 * begun.digest_size)
    names = digits.take(_DIGIT_AT, axis=1)
    names[:, _DASHES] = ord("-")
    names[:, _VERSION] = ord("5")
    names[:, _VARIANT] = _VARIANT_OF[names[:, _VARIANT]]
    parents = np.tile(_PARENT, (len(names), 1))
    parents[:, 3:35] = np.delete(names, _DASHES, axis=1)
    parents[:, 36:52] = parents[:, 3:19]
    return _rows(names), _rows(parents)


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
    return _rows(texts)


def _rows(texts: npt.NDArray[np.uint8]) -> list[bytes]:
    rows: list[bytes] = texts.view(f"V{texts.shape[1]}").ravel().tolist()
    return rows
