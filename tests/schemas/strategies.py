"""Values of any message class, from its types alone: a new class is tested without being named."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum
from typing import Any, TypeVar, cast

from hypothesis import strategies as st
from msgspec import Struct, defstruct
from msgspec.structs import fields

from events.envelope import Event
from schemas.derive import decimal_of, item_of, optional

S = TypeVar("S", bound=Struct)

PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(),
    int: st.integers(-(2**63), 2**63 - 1),
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
    bytes: st.binary(),
}


def messages(kind: type[S]) -> st.SearchStrategy[S]:
    """Any message of a class."""
    return st.builds(kind, **{field.name: values(field.type) for field in fields(kind)})


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Any value of a field's type."""
    if (arm := optional(hint)) is not None:
        return st.none() | values(arm)
    if (item := item_of(hint)) is not None:
        return st.lists(values(item), max_size=5).map(tuple)
    if (digits := decimal_of(hint)) is not None:
        precision, scale = digits
        bound = 10**precision - 1
        return st.integers(-bound, bound).map(lambda n: Decimal(n).scaleb(-scale))
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(list(hint))
    return PLAIN[hint]


def record(name: str, *fields_: Any, doc: str = "A class for a test.") -> type[Event]:
    """A message class made for a test: `(name, type)` or `(name, type, default)` per field."""
    made: Any = defstruct(
        name, fields_, bases=(Event,), namespace={"__doc__": doc}, frozen=True, kw_only=True
    )
    return cast(type[Event], made)


def enum(name: str, *symbols: str) -> Any:
    """An enum made for a test."""
    return Enum(name, {symbol.upper(): symbol for symbol in symbols})
