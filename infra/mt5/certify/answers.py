"""What goes through the port, as JSON: arguments and answers, with nothing of their kinds lost."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np

from infra.mt5 import tuples

IS, FIELDS, MANY, DTYPE, ROWS = "is", "fields", "tuple", "dtype", "rows"
OURS: Mapping[str, Any] = {
    name: getattr(tuples, name) for name in tuples.__all__ if not name.endswith("DTYPE")
}
_PLAIN = (bool, int, float, str, type(None))


def written(value: Any) -> Any:
    """An answer or argument as JSON can hold it."""
    if type(value) in _PLAIN:
        return value
    if hasattr(value, "_asdict"):
        fields = {name: written(each) for name, each in value._asdict().items()}
        return {IS: type(value).__name__, FIELDS: fields}
    if isinstance(value, np.ndarray):
        return {DTYPE: [list(each) for each in value.dtype.descr], ROWS: value.tolist()}
    if isinstance(value, tuple | list):
        return {MANY: [written(each) for each in value]}
    if isinstance(value, Mapping):
        return {FIELDS: {name: written(each) for name, each in value.items()}}
    if isinstance(value, datetime):
        # A date without a zone is the machine's, and another machine replays.
        return {IS: "datetime" if value.tzinfo else "naive datetime", ROWS: value.timestamp()}
    return {IS: type(value).__name__, ROWS: str(value)}


def read(value: Any) -> Any:
    """An answer as it was."""
    if not isinstance(value, dict):
        return value
    if MANY in value:
        return tuple(read(each) for each in value[MANY])
    if DTYPE in value:
        dtype = np.dtype([(name, kind) for name, kind in value[DTYPE]])
        return np.array([tuple(row) for row in value[ROWS]], dtype)
    fields = {name: read(each) for name, each in value[FIELDS].items()}
    return _struct(value[IS], tuple(fields))(*fields.values())


def _struct(name: str, fields: tuple[str, ...]) -> Any:
    """Our tuple of that name, unless the fields were others."""
    ours = OURS.get(name)
    if ours is not None and ours._fields == fields:
        return ours
    return namedtuple(name, fields)  # the names are those of the recording


def shape(value: Any) -> str:
    """What a written answer is made of; a failure is its failure value."""
    if value is None or value is False:
        return str(value)
    if not isinstance(value, dict):
        return type(value).__name__
    if DTYPE in value:
        return f"array of {', '.join(' '.join(each) for each in value[DTYPE])}"
    if MANY in value:
        return f"tuple of {' / '.join(sorted({shape(each) for each in value[MANY]})) or 'nothing'}"
    fields = ", ".join(f"{name} {shape(each)}" for name, each in value[FIELDS].items())
    return f"{value[IS]}({fields})"
