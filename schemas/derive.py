"""The Avro schema of a message class: nothing of it is written by hand."""

from __future__ import annotations

import re
from decimal import Decimal
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from msgspec import NODEFAULT, Meta, Struct
from msgspec.structs import FieldInfo, fields

NAMESPACE = "tapedeck"
UNRECOGNISED = "unrecognised"
"""First symbol and default of every enum, so that members can be added without a new topic.

A reader that is older than a member sees this symbol, and the codec refuses it: a side or a reason
that is not understood is never taken for another one.
"""

Schema = dict[str, Any]

_PLAIN = {str: "string", int: "long", float: "double", bool: "boolean", bytes: "bytes"}
_ADVICE = "use str, int, float, bool, bytes, an Enum, a decimal of events.values or tuple[X, ...]"
_SYMBOL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Underivable(TypeError):
    """A field has a type or a default that Avro cannot carry; the text names class and field."""


def full_name(kind: type) -> str:
    """The name of a class on the wire; also its subject in the registry."""
    return f"{NAMESPACE}.{kind.__name__}"


def schema_of(kind: type[Struct]) -> Schema:
    """The Avro record of a message class."""
    named: set[str] = set()
    return {
        "type": "record",
        "name": kind.__name__,
        "namespace": NAMESPACE,
        "doc": _first_sentence(kind),
        "fields": [_field(kind, field, named) for field in fields(kind)],
    }


def optional(hint: Any) -> Any | None:
    """The X of `X | None`; None for every other type."""
    if get_origin(hint) not in (Union, UnionType):
        return None
    rest = [arm for arm in get_args(hint) if arm is not NoneType]
    return rest[0] if len(rest) == 1 and len(get_args(hint)) == 2 else None


def decimal_of(hint: Any) -> tuple[int, int] | None:
    """Precision and scale of an annotated decimal; None for every other type."""
    if get_origin(hint) is not Annotated or get_args(hint)[0] is not Decimal:
        return None
    extra = next((m.extra for m in get_args(hint)[1:] if isinstance(m, Meta) and m.extra), {})
    return (extra["precision"], extra["scale"]) if {"precision", "scale"} <= extra.keys() else None


def item_of(hint: Any) -> Any | None:
    """The X of `tuple[X, ...]`; None for every other type."""
    arms = get_args(hint)
    return arms[0] if get_origin(hint) is tuple and len(arms) == 2 and arms[1] is ... else None


def _field(kind: type, field: FieldInfo, named: set[str]) -> Schema:
    try:
        schema: Schema = {"name": field.encode_name, "type": _type(field.type, named)}
        if field.default is not NODEFAULT:
            schema["default"] = _default(field.type, field.default)
        elif optional(field.type) is not None:
            schema["default"] = None
    except Underivable as wrong:
        raise Underivable(f"{kind.__name__}.{field.name}: {wrong}") from None
    return schema


def _type(hint: Any, named: set[str]) -> Any:
    if hint in _PLAIN:
        return _PLAIN[hint]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _enum(hint, named)
    if (arm := optional(hint)) is not None:
        return ["null", _type(arm, named)]
    if (item := item_of(hint)) is not None:
        return {"type": "array", "items": _type(item, named)}
    if (digits := decimal_of(hint)) is not None:
        precision, scale = digits
        return {"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale}
    raise Underivable(f"{hint!r} has no Avro type; {_ADVICE}")


def _enum(kind: type[Enum], named: set[str]) -> Any:
    name = full_name(kind)
    if name in named:
        return name
    named.add(name)
    symbols = [UNRECOGNISED, *(member.value for member in kind)]
    for symbol in symbols:
        if not isinstance(symbol, str) or not _SYMBOL.fullmatch(symbol):
            raise Underivable(f"{kind.__name__} has the value {symbol!r}; give a word as the value")
    if len(set(symbols)) < len(symbols):
        raise Underivable(f"{kind.__name__} has the value {UNRECOGNISED!r}, which is reserved")
    return {
        "type": "enum",
        "name": kind.__name__,
        "namespace": NAMESPACE,
        "symbols": symbols,
        "default": UNRECOGNISED,
    }


def _default(hint: Any, value: Any) -> Any:
    """A Python default as Avro writes it; the default of a union is one of its first branch."""
    if optional(hint) is not None:
        if value is not None:
            raise Underivable(f"the default of an optional field is {value!r}; give None")
        return None
    if type(value) in _PLAIN and value.__class__ is hint and hint is not bytes:
        return value
    if value == () and item_of(hint) is not None:
        return []
    if isinstance(value, Enum) and isinstance(value, hint):
        return value.value
    raise Underivable(f"the default {value!r} cannot be written in a schema; leave it out")


def _first_sentence(kind: type) -> str:
    text = " ".join((kind.__doc__ or "").split())
    if not text:
        raise Underivable(f"{kind.__name__} has no docstring; say in one sentence what became true")
    return re.split(r"(?<=\.) ", text, maxsplit=1)[0]
