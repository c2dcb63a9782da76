"""Avro bytes of many messages at once: what `quick.encode` writes of each.

Column by column, so that types are looked at together, and what a column says again and again
(symbols, sources, flags) is encoded once. What the codec is to look at goes the slow way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from functools import cache
from itertools import groupby
from math import isfinite
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import astuple, fields

from schemas import codec, quick

Column = tuple[Any, ...]
EncodeAll = Callable[..., list[bytes]]

_SHIFTS = np.arange(0, 56, 7)
"""Where each seven bits of eight bytes begin."""


def encode_all(messages: Sequence[Struct]) -> list[bytes]:
    """The Avro bytes of messages, in their order; errors as those of `codec.encode`."""
    kinds = set(map(type, messages))
    if len(kinds) <= 1:
        return _encoded(messages)
    alike = [[n for n, message in enumerate(messages) if type(message) is kind] for kind in kinds]
    made: dict[int, bytes] = {}
    for places in alike:
        made |= zip(places, _encoded([messages[n] for n in places]), strict=True)
    return [made[n] for n in range(len(messages))]


def _encoded(messages: Sequence[Struct]) -> list[bytes]:
    """The same for messages of one class."""
    if not messages:
        return []
    kind = type(messages[0])
    columns = tuple(zip(*map(astuple, messages), strict=True))
    together = _encoder(kind)
    if together is not None and _plain(kind, columns):
        try:
            payloads = together(*columns)
        except quick.CAREFULLY:
            pass  # one of them is for the codec: it says which, and what is wrong with it
        else:
            if max(map(len, payloads)) <= codec.PAYLOAD_BYTES_MAX:
                return payloads
    return [quick.encode(message) for message in messages]


def _plain(kind: type[Struct], columns: Sequence[Column]) -> bool:
    """Whether each value is exactly of its field's type, and each double finite."""
    types = codec.plan_of(kind).types
    doubles = (column for column, of in zip(columns, types, strict=True) if of == (float,))
    return all(
        set(map(type, column)) <= set(of) for column, of in zip(columns, types, strict=True)
    ) and isfinite(sum(map(sum, doubles)))


@cache
def _encoder(kind: type[Struct]) -> EncodeAll | None:
    """The function for a class, of its columns; None where a field is not of a plain type."""
    parts = quick.parts_of(kind)
    if not all(parts):
        return None
    hints = [field.type for field in fields(kind)]
    columns = ", ".join(f"c{n}" for n in range(len(parts)))
    moments = [n for n, field in enumerate(fields(kind)) if quick.is_time(field.name, field.type)]
    source = f"def together({columns}):\n    return list(map(join, zip("
    source += ", ".join(_columns(hints, parts, moments)) + ", strict=True)))"
    names: dict[str, Any] = {**quick.names_of(kind), "join": b"".join}
    names |= {"repeated": _repeated, "times": _times}
    exec(source, names)  # as in `quick`: nothing of it is input
    made: EncodeAll = names["together"]
    return made


def _columns(hints: Sequence[Any], parts: Sequence[str], moments: Sequence[int]) -> Iterator[str]:
    """The expression for each column, or for several that hold doubles."""
    numbered = list(enumerate(zip(hints, parts, strict=True)))
    for is_double, run in groupby(numbered, key=lambda column: column[1][0] is float):
        together = list(run)
        if is_double:
            yield f"map(doubles{len(together)}, {', '.join(f'c{n}' for n, _ in together)})"
            continue
        for n, (hint, part) in together:
            if n in moments:
                yield f"times(c{n})"
            elif _repeats(hint):
                yield f"repeated(lambda v{n}: {part}, c{n})"
            else:
                yield f"[{part} for v{n} in c{n}]"


def _times(column: Column) -> list[bytes]:
    """Microseconds since 1970, zigzag, for times of our days: eight bytes, seven bits in each."""
    times_us = np.array(column, np.int64)
    if times_us.min() < quick.TIME_MIN >> 1 or times_us.max() > quick.TIME_MAX >> 1:
        raise quick.Unusual("a time that does not take eight bytes")
    groups = (times_us << 1)[:, None] >> _SHIFTS & 127
    groups[:, :-1] |= 128
    rows: list[bytes] = groups.astype(np.uint8).view("V8").ravel().tolist()
    return rows


def _repeats(hint: Any) -> bool:
    """Of a type whose values come again, and are written alike where they are equal: not -0.0."""
    return hint in (str, bool) or (isinstance(hint, type) and issubclass(hint, Enum))


def _repeated(encode: Callable[[Any], bytes], column: Column) -> Iterator[bytes]:
    known = {value: encode(value) for value in set(column)}
    return map(known.__getitem__, column)
