"""Field by field, what a type demands of a value on its way to Avro and back."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from enum import Enum
from math import isfinite
from operator import attrgetter
from typing import Any

from schemas.derive import decimal_of, item_of, optional

Convert = Callable[[Any], Any]


def python_type(hint: Any) -> type:
    """The class that a value of this type has, exactly: a bool is no int, a subclass no float."""
    if item_of(hint) is not None:
        return tuple
    if decimal_of(hint) is not None:
        return Decimal
    assert isinstance(hint, type)
    return hint


def types_of(hint: Any) -> tuple[type, ...]:
    """The classes that a value of this type may have."""
    arm = optional(hint)
    return (python_type(hint),) if arm is None else (python_type(arm), type(None))


def is_double(hint: Any) -> bool:
    """Whether the values are doubles, which the codec checks for NaN and infinity itself."""
    return hint is float or optional(hint) is float


def to_wire(hint: Any) -> Convert | None:
    """What makes a value ready for fastavro; None where nothing is to be done."""
    return _converter(hint, lambda _: attrgetter("value"), _items_to_wire)


def from_wire(hint: Any) -> Convert | None:
    """What makes a value from the one that fastavro read; None where nothing is to be done."""
    return _converter(hint, _enum_from_wire, _items_from_wire)


def _converter(
    hint: Any,
    enum: Callable[[type[Enum]], Convert],
    items: Callable[[Any], Convert],
) -> Convert | None:
    if (arm := optional(hint)) is not None:
        convert = _converter(arm, enum, items)
        return None if convert is None else _unless_none(convert)
    if (item := item_of(hint)) is not None:
        return items(item)
    if (digits := decimal_of(hint)) is not None:
        return _of_scale(digits[1])
    return enum(hint) if issubclass(hint, Enum) else None


def _unless_none(convert: Convert) -> Convert:
    return lambda value: None if value is None else convert(value)


def _of_scale(scale: int) -> Convert:
    quantum = Decimal(1).scaleb(-scale)

    def check(value: Decimal) -> Decimal:
        if not value.same_quantum(quantum):
            raise ValueError(f"it must have exactly {scale} decimals")
        return value

    return check


def _enum_from_wire(kind: type[Enum]) -> Convert:
    members = {member.value: member for member in kind}

    def read(symbol: str) -> Enum:
        member = members.get(symbol)
        if member is None:
            raise ValueError(f"{symbol!r} is not a {kind.__name__} that this version knows")
        return member

    return read


def _items_to_wire(hint: Any) -> Convert:
    allowed = frozenset(types_of(hint))
    double = is_double(hint)
    convert = to_wire(hint)

    def write(values: tuple[Any, ...]) -> list[Any]:
        if not allowed.issuperset(map(type, values)):
            raise ValueError("an item has another type")
        if double:
            _refuse_not_finite(values)
        return list(values) if convert is None else [convert(value) for value in values]

    return write


def _items_from_wire(hint: Any) -> Convert:
    double = is_double(hint)
    convert = from_wire(hint)

    def read(values: list[Any]) -> tuple[Any, ...]:
        if double:
            _refuse_not_finite(values)
        return tuple(values) if convert is None else tuple([convert(value) for value in values])

    return read


def _refuse_not_finite(values: tuple[Any, ...] | list[Any]) -> None:
    for index, value in enumerate(values):
        if value is not None and not isfinite(value):
            raise ValueError(f"item {index} is {value}; give a finite number")
