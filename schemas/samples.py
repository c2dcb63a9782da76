"""Sample values of a message class, built from its types alone: the same ones for ever."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import fields

from schemas.derive import decimal_of, item_of, optional

S = TypeVar("S", bound=Struct)


def samples_of(kind: type[S]) -> tuple[S, ...]:
    """A full one, every optional field given, and a bare one, none of them."""
    return tuple(
        kind(**{f.name: _sample(f.type, f.name, at, bare) for at, f in enumerate(fields(kind), 1)})
        for bare in (False, True)
    )


def _sample(hint: Any, name: str, at: int, bare: bool) -> Any:
    """A value that differs from field to field, so that two fields cannot be mistaken."""
    if (arm := optional(hint)) is not None:
        return None if bare else _sample(arm, name, at, bare)
    if (item := item_of(hint)) is not None:
        return () if bare else (_sample(item, name, at, bare), _sample(item, name, at + 1, bare))
    if (digits := decimal_of(hint)) is not None:
        return Decimal(-at if bare else at * 1_000_003).scaleb(-digits[1])
    if isinstance(hint, type) and issubclass(hint, Enum):
        members = list(hint)
        return members[0] if bare else members[-1]
    return _plain(hint, name, at, bare)


def _plain(hint: type, name: str, at: int, bare: bool) -> Any:
    plain: dict[type, Any] = {
        str: "" if bare else f"{name} {at} \u00e9",
        int: -at if bare else at * 1_000_000_007,
        float: -0.5 * at if bare else 0.1 * at,
        bool: not bare,
        bytes: b"" if bare else bytes((0, at, 255)),
    }
    return plain[hint]
