"""Identifiers and trace parents as text, many at once: a row of bytes for each.

What `events.envelope.named` and `Envelope.traceparent` make of one. Only the hash of each is made
by itself; text is cut and joined for all of them together.
"""

from __future__ import annotations

from binascii import hexlify
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from infra.stream.headings import ID_CHARS

Rows = npt.NDArray[np.uint8]

_DASH = ord("-")
_DASHES = [8, 13, 18, 23]
_IS_DASH = np.isin(np.arange(ID_CHARS), _DASHES)
_PLACES = np.flatnonzero(~_IS_DASH)
_DIGIT_AT = np.cumsum(~_IS_DASH) - 1
_VERSION, _VARIANT = 14, 19
_VARIANT_OF = np.array([ord("89ab"[(n - 48 if n < 58 else n - 87) & 3]) for n in range(128)], "u1")
_PARENT = np.frombuffer(b"00-%032d-%016d-01" % (0, 0), np.uint8)


def named(digests: Sequence[bytes]) -> Rows:
    """The identifiers that SHA-1 digests name."""
    digits = np.frombuffer(hexlify(b"".join(digests)), np.uint8).reshape(len(digests), -1)
    names = digits.take(_DIGIT_AT, axis=1)
    names[:, _DASHES] = _DASH
    names[:, _VERSION] = ord("5")
    names[:, _VARIANT] = _VARIANT_OF[names[:, _VARIANT]]
    return names


def rows_of(texts: Sequence[bytes]) -> Rows:
    """Identifiers as rows; `ValueError` if one has not the usual five groups."""
    if set(map(len, texts)) != {ID_CHARS}:
        raise ValueError(f"not all identifiers have {ID_CHARS} characters")
    rows = np.frombuffer(b"".join(texts), np.uint8).reshape(-1, ID_CHARS)
    if not ((rows == _DASH) == _IS_DASH).all():
        raise ValueError("not all identifiers are in five groups")
    return rows


def digits_of(names: Rows) -> Rows:
    """Their digits, without the dashes."""
    return names.take(_PLACES, axis=1)


def parents(traces: Rows, names: Rows) -> list[bytes]:
    """W3C trace parents: the digits of the correlations, and the first of those of the messages."""
    made = np.tile(_PARENT, (len(names), 1))
    made[:, 3:35] = traces
    made[:, 36:52] = names.take(_PLACES[:16], axis=1)
    return texts_of(made)


def texts_of(rows: Rows) -> list[bytes]:
    """Each row as bytes."""
    texts: list[bytes] = rows.view(f"V{rows.shape[1]}").ravel().tolist()
    return texts
