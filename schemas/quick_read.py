"""Events from Avro bytes without a detour: what `codec.decode` reads, several times faster.

For the classes of which there are millions, as `schemas.quick` writes them. A function is made for
each class from its schema. It reads what is as our writers write it; everything else it leaves to
the codec, which reads it or says what is wrong.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import cache
from itertools import groupby
from math import isfinite
from typing import Any

from msgspec import Struct
from msgspec.structs import fields

from events.envelope import Event
from schemas import codec
from schemas.catalog import TYPES
from schemas.derive import Schema, item_of, optional

TEXTS_MAX, TEXT_BYTES_MAX = 4_096, 100
"""How many texts are kept decoded, and how long they may be."""
TIMES_MAX = 4_096
"""How many upper halves of times are kept: one serves for two minutes."""
MORE = 128
"""The bit of a byte that says that the number goes on."""

Decode = Callable[[bytes], Any]


class Unusual(ValueError):
    """Bytes that the codec is to look at."""


def decode(name: str, payload: bytes, writer: Schema) -> Event:
    """The event in `payload`, written with `writer`; errors as those of `codec.decode`."""
    if not is_ours(name, writer):
        return codec.decode(name, payload, writer)
    event: Event = _reader(name)(payload)
    return event


def is_ours(name: str, writer: Schema) -> bool:
    """Whether this is how we write a class of the catalog today."""
    return name in TYPES and writer is written(name)


@cache
def written(name: str) -> Schema:
    """The schema that we write a class with today."""
    return codec.plan_of(TYPES[name]).schema


@cache
def _reader(name: str) -> Decode:
    return decoder(TYPES[name])


@cache
def decoder(kind: type[Struct]) -> Decode:
    """The function for bytes of a class; the codec's own where a field is not of a plain type."""
    schema_fields = codec.plan_of(kind).schema["fields"]
    hints = [field.type for field in fields(kind)]
    parts = [_part(n, hint, schema_fields[n]) for n, hint in enumerate(hints)]
    if not all(parts):
        return lambda payload: codec.decode_as(kind, payload)
    doubles = [f"v{n}" for n, hint in enumerate(hints) if hint is float]
    lines = [line for part in _grouped([part or [] for part in parts]) for line in part]
    source = _SOURCE.format(
        parts="\n        ".join(lines),
        sum=" + ".join(doubles) or "0.0",
        values=", ".join(f"{field.name}=v{n}" for n, field in enumerate(fields(kind))),
    )
    names: dict[str, Any] = {
        **_NAMES,
        **{f"doubles{n}": struct.Struct(f"<{n}d").unpack_from for n in range(1, len(hints) + 1)},
        "kind": kind,
        "careful": lambda payload: codec.decode_as(kind, payload),
    }
    exec(source, names)  # as dataclasses and named tuples are made: nothing of it is input
    made: Decode = names["decode"]
    return made


_SOURCE = """
def decode(payload):
    try:
        at = 0
        {parts}
    except (Unusual, IndexError, KeyError, TypeError, Error, UnicodeError):
        return careful(payload)
    if at != len(payload) or at > MAX or not isfinite({sum}):
        return careful(payload)
    return kind({values})
"""


def _part(n: int, hint: Any, field: Schema) -> list[str] | None:
    """The lines that read one field into `v{n}`; None if there are none for its type."""
    arm = optional(hint)
    if arm is not None:
        return _optional(n, arm, field)
    if hint is float:
        return [f"double v{n}"]
    if hint is int and field["name"].endswith("_us"):
        return [
            "low, middle, high = parts(payload, at)",
            f"v{n} = LOW[low] + MIDDLE[middle] + UPPER[high]",
            "at += 8",
        ]
    if item_of(hint) is float:
        return [f"v{n}, at = doubles(payload, at)"]
    if hint is bool:
        return [f"v{n} = BOOLS[payload[at]]", "at += 1"]
    return {
        str: [
            "size = payload[at]",
            "at += 1",
            f"if size >= {MORE}: size += (payload[at] << 7) - {MORE}; at += 1",
            "if size & 1: raise Unusual",
            "end = at + (size >> 1)",
            f"v{n} = TEXTS[payload[at:end]]",
            "at = end",
        ],
        int: [
            f"v{n} = payload[at]",
            f"if v{n} < {MORE}: v{n} = v{n} >> 1 ^ -(v{n} & 1); at += 1",
            f"else: v{n}, at = long(payload, at)",
        ],
    }.get(hint)


def _optional(n: int, arm: Any, field: Schema) -> list[str] | None:
    """A union of null and a double, whose branch is the first byte."""
    if arm is not float:
        return None
    null = 2 * field["type"].index("null")
    return [
        f"if payload[at] == {null}: v{n} = None; at += 1",
        f"elif payload[at] == {2 - null}: v{n}, at = finite(payload, at + 1)",
        "else: raise Unusual",
    ]


def _grouped(parts: list[list[str]]) -> list[list[str]]:
    """Doubles that follow each other are unpacked together."""
    grouped = []
    for is_double, run in groupby(parts, key=lambda part: part[0].startswith("double ")):
        run_of = list(run)
        if not is_double:
            grouped += run_of
            continue
        names = ", ".join(part[0].removeprefix("double ") for part in run_of)
        size = len(run_of)
        grouped.append([f"({names},) = doubles{size}(payload, at)", f"at += {8 * size}"])
    return grouped


def _long(payload: bytes, at: int) -> tuple[int, int]:
    """A whole number and where it ends: zigzag, seven bits a byte, the low ones first."""
    rest = shift = 0
    while (byte := payload[at]) >= MORE:
        rest |= (byte & 127) << shift
        shift += 7
        at += 1
        if shift > 63:
            raise Unusual(rest)
    rest |= byte << shift
    if rest >> 64:
        raise Unusual(rest)
    return rest >> 1 ^ -(rest & 1), at + 1


class _Upper(dict[bytes, int]):
    """The upper four bytes of times of our days: they change every two minutes."""

    def __missing__(self, high: bytes) -> int:
        if min(high[:3]) < MORE or not 0 < high[3] < MORE:  # three that go on, one that is needed
            raise Unusual(high)
        if len(self) >= TIMES_MAX:
            self.clear()
        known = self[high] = sum((byte & 127) << 27 + 7 * n for n, byte in enumerate(high))
        return known


class _Texts(dict[bytes, str]):
    """Texts, remembered if they are likely to come again."""

    def __missing__(self, content: bytes) -> str:
        known = content.decode()
        if len(self) < TEXTS_MAX and len(content) <= TEXT_BYTES_MAX:
            self[content] = known
        return known


TEXTS = _Texts()


def _finite(payload: bytes, at: int) -> tuple[float, int]:
    (value,) = _DOUBLE(payload, at)
    if not isfinite(value):
        raise Unusual(value)
    return value, at + 8


def _doubles(payload: bytes, at: int) -> tuple[tuple[float, ...], int]:
    """An array of doubles in one block, or in none."""
    count, at = _long(payload, at)
    if count == 0:
        return (), at
    if not 0 < count <= len(payload) // 8:
        raise Unusual(count)
    values = struct.unpack_from(f"<{count}d", payload, at)
    at += 8 * count
    if payload[at] or not isfinite(sum(values)):
        raise Unusual(values)
    return values, at + 1


_DOUBLE = struct.Struct("<d").unpack_from
_FOURTEEN = tuple(
    (pair & 127) | (pair >> 8 & 127) << 7 if pair & MORE and pair >> 8 & MORE else None
    for pair in range(2**16)
)
"""What two bytes of a number that goes on say; nothing for those of one that ends there."""
_LOW = tuple(None if bits is None or bits & 1 else bits >> 1 for bits in _FOURTEEN)
"""The same for the first two of a time, which is not negative."""
_MIDDLE = tuple(None if bits is None else bits << 13 for bits in _FOURTEEN)
_NAMES: dict[str, Any] = {
    "isfinite": isfinite,
    "finite": _finite,
    "doubles": _doubles,
    "long": _long,
    "parts": struct.Struct("<HH4s").unpack_from,
    "LOW": _LOW,
    "MIDDLE": _MIDDLE,
    "UPPER": _Upper(),
    "TEXTS": TEXTS,
    "BOOLS": {0: False, 1: True},
    "Unusual": Unusual,
    "Error": struct.error,
    "MAX": codec.PAYLOAD_BYTES_MAX,
}
