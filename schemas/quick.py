"""Avro bytes of plain messages without a detour: what `codec.encode` writes, several times faster.

For the classes of which there are millions. A function is made for each class from its schema, for
text, whole numbers, doubles, booleans, enums, tuples of doubles, and optional ones. It handles what
is as it should be; everything else it leaves to the codec, which writes it or says what is wrong.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from enum import Enum
from functools import cache
from itertools import groupby
from math import isfinite
from typing import Any

from msgspec import Struct
from msgspec.structs import astuple, fields

from schemas import codec
from schemas.derive import Schema, item_of, optional

TEXTS_MAX, TEXT_CHARS_MAX = 4_096, 100
"""How many texts are kept encoded, and how long they may be: symbols, sources, digests repeat."""
THREE_BYTES = 2**20
"""What is below takes three bytes at most, zigzag."""
TIME_MIN, TIME_MAX = 2**49, 2**56 - 1
"""What takes eight bytes, zigzag."""
TIMES_MAX = 4_096
"""How many upper halves of times are kept: one serves for two minutes."""
LONG_MIN, LONG_MAX = -(2**63), 2**63 - 1

Encode = Callable[[Any], bytes]


class Unusual(ValueError):
    """A value that the codec is to look at."""


CAREFULLY = (Unusual, OverflowError, TypeError, UnicodeError)
"""What a function made here raises where the codec is to write, or to say what is wrong."""


def encode(message: Struct) -> bytes:
    """The Avro bytes of a message; errors as those of `codec.encode`."""
    return encoder(type(message))(message)


@cache
def encoder(kind: type[Struct]) -> Encode:
    """The function for a class; the codec's own where a field is not of a plain type."""
    parts = parts_of(kind)
    if not all(parts):
        return codec.encode
    doubles = [f"v{n}" for n, field in enumerate(fields(kind)) if field.type is float]
    source = _SOURCE.format(
        names="".join(f"v{n}, " for n in range(len(parts))),
        sum=" + ".join(doubles) or "0.0",
        parts=", ".join(_grouped(parts)),
    )
    names = names_of(kind)
    exec(source, names)  # as dataclasses and named tuples are made: nothing of it is input
    made: Encode = names["encode"]
    return made


def parts_of(kind: type[Struct]) -> list[str]:
    """For each field the expression that makes bytes of its value `v`; empty if there is none."""
    schema = codec.plan_of(kind).schema["fields"]
    return [_part(n, field.type, schema[n]) or "" for n, field in enumerate(fields(kind))]


def names_of(kind: type[Struct]) -> dict[str, Any]:
    """What the expressions of a class speak of."""
    plan = codec.plan_of(kind)
    hints = [field.type for field in fields(kind)]
    return {
        **_NAMES,
        **{f"doubles{n}": struct.Struct(f"<{n}d").pack for n in range(1, len(hints) + 1)},
        **{f"e{n}": _symbols(hint, plan.schema["fields"][n]) for n, hint in enumerate(hints)},
        "admitted": plan.admitted,
    }


_SOURCE = """
def encode(message):
    values = astuple(message)
    if tuple(map(type, values)) not in admitted:
        return careful(message)
    {names} = values
    if not isfinite({sum}):
        return careful(message)
    try:
        payload = b"".join(({parts},))
    except CAREFULLY:
        return careful(message)
    return payload if len(payload) <= MAX else careful(message)
"""


def _part(n: int, hint: Any, field: Schema) -> str | None:
    """The expression for one field; None if there is none for its type."""
    arm = optional(hint)
    if arm is not None:
        inner = f"double(finite(v{n}))" if arm is float else _value(n, arm, field)
        null = field["type"].index("null")
        other = f"{long(1 - null)!r} + {inner}"
        return inner and f"({long(null)!r} if v{n} is None else {other})"
    return _value(n, hint, field)


def _grouped(parts: list[str]) -> list[str]:
    """Doubles that follow each other are packed together."""
    grouped = []
    for is_double, run in groupby(parts, key=lambda part: part.startswith("v")):
        run_of = list(run)
        grouped += [f"doubles{len(run_of)}({', '.join(run_of)})"] if is_double else run_of
    return grouped


def _value(n: int, hint: Any, field: Schema) -> str | None:
    if hint is float:
        return f"v{n}"
    if is_time(field["name"], hint):
        return _TIME.format(v=f"v{n}")
    if item_of(hint) is not None:
        return f"doubles(v{n})" if item_of(hint) is float else None
    if isinstance(hint, type) and issubclass(hint, Enum):
        return f"e{n}[v{n}]"
    return {str: f"TEXTS[v{n}]", int: f"long(v{n})", bool: f"(TRUE if v{n} else FALSE)"}.get(hint)


def is_time(name: str, hint: Any) -> bool:
    """Whether a field holds microseconds since 1970."""
    return hint is int and name.endswith("_us")


def _symbols(hint: Any, field: Schema) -> dict[Enum, bytes] | None:
    """The bytes of each member of an enum."""
    kind = optional(hint) or hint
    if not isinstance(kind, type) or not issubclass(kind, Enum):
        return None
    branches = field["type"] if isinstance(field["type"], list) else [field["type"]]
    symbols: list[str] = next(part["symbols"] for part in branches if isinstance(part, dict))
    return {member: long(symbols.index(member.value)) for member in kind}


def long(value: int) -> bytes:
    """A whole number: zigzag, seven bits a byte, the low ones first."""
    if 0 <= value < len(_SMALL):
        return _SMALL[value]
    if 0 <= value < THREE_BYTES:
        return _FOURTEEN[value << 1 & 16_383] + _SEVEN[value >> 13]
    if not LONG_MIN <= value <= LONG_MAX:
        raise Unusual(value)
    rest = (value << 1) ^ (value >> 63)
    out = bytearray()
    while rest > 127:
        out.append(rest & 127 | 128)
        rest >>= 7
    out.append(rest)
    return bytes(out)


class _Times(dict[int, bytes]):
    """The upper four bytes of times of our days: they change every two minutes."""

    def __missing__(self, upper: int) -> bytes:
        if not TIME_MIN <= upper << 28 <= TIME_MAX:
            raise Unusual(upper)
        if len(self) >= TIMES_MAX:
            self.clear()
        known = self[upper] = long(upper << 27)[4:]
        return known


class _Texts(dict[str, bytes]):
    """Texts and their lengths in bytes, remembered if they are likely to come again."""

    def __missing__(self, value: str) -> bytes:
        content = value.encode()
        made = long(len(content)) + content
        if len(self) < TEXTS_MAX and len(value) <= TEXT_CHARS_MAX:
            self[value] = made
        return made


def _finite(value: float) -> float:
    if not isfinite(value):
        raise Unusual(value)
    return value


def _doubles(values: tuple[float, ...]) -> bytes:
    """An array of doubles in one block."""
    if not values:
        return b"\x00"
    if set(map(type, values)) != {float} or not isfinite(sum(values)):
        raise Unusual(values)
    return long(len(values)) + struct.pack(f"<{len(values)}d", *values) + b"\x00"


_SMALL = tuple(
    bytes((2 * n,)) if n < 64 else bytes((2 * n & 127 | 128, 2 * n >> 7)) for n in range(8_192)
)
_FOURTEEN = tuple(bytes((n & 127 | 128, n >> 7 | 128)) for n in range(16_384))
"""Fourteen bits of a number that goes on."""
_SEVEN = tuple(bytes((n,)) for n in range(128))
_TIME = "FOURTEEN[{v} << 1 & 16383] + FOURTEEN[{v} >> 13 & 16383] + TIMES[{v} >> 27]"
"""Eight bytes of microseconds since 1970, zigzag."""
_NAMES: dict[str, Any] = {
    "astuple": astuple,
    "careful": codec.encode,
    "isfinite": isfinite,
    "finite": _finite,
    "double": struct.Struct("<d").pack,
    "doubles": _doubles,
    "long": long,
    "FOURTEEN": _FOURTEEN,
    "TIMES": _Times(),
    "TEXTS": _Texts(),
    "CAREFULLY": CAREFULLY,
    "TRUE": b"\x01",
    "FALSE": b"\x00",
    "MAX": codec.PAYLOAD_BYTES_MAX,
}
