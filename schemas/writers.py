"""Schemas that others wrote with: admitted once, before any of their bytes are decoded."""

from __future__ import annotations

import json
from typing import Any, cast

import fastavro

from schemas.alterations import full_name
from schemas.catalog import TYPES
from schemas.codec import Undecodable, plan_of
from schemas.derive import NAMESPACE, Schema, schema_of

_NAMED = ("record", "error", "enum", "fixed")
_UNREAD = ("doc", "default", "aliases", "order")


def parsed(schema: str | Schema) -> tuple[str, Schema]:
    """The type name and the schema for `codec.decode`; `Undecodable` when it must not be used.

    Refused are schemas that are not of this tape, that the class of today cannot read, and that
    would let a few bytes exhaust memory or stack: recursive ones, and arrays of nothing.
    """
    try:
        raw = json.loads(schema) if isinstance(schema, str) else schema
        name = _known(raw)
        _refuse_bombs(raw, (), set())
        writer = cast(Schema, fastavro.parse_schema(raw))
    except (ValueError, LookupError, TypeError, RecursionError, AttributeError) as wrong:
        raise Undecodable(f"the writer's schema is not usable: {wrong}") from wrong
    plan = plan_of(TYPES[name])
    if _layout(raw) == _layout(schema_of(TYPES[name])):
        return name, plan.schema
    _refuse_unreadable(name, raw)
    return name, writer


def _known(raw: Any) -> str:
    namespace, _, name = full_name(raw).rpartition(".")
    if namespace != NAMESPACE or name not in TYPES or raw["type"] != "record":
        raise ValueError(f"{full_name(raw)!r} is not a type of this tape")
    return name


def _refuse_unreadable(name: str, raw: Schema) -> None:
    # Imported here: most processes never meet a schema that differs from their own.
    from schemas.compatibility import InvalidSchema, faults_of

    try:
        faults = faults_of(schema_of(TYPES[name]), raw)
    except InvalidSchema as wrong:
        raise Undecodable(f"the writer's schema is not usable: {wrong}") from wrong
    if faults:
        raise Undecodable(f"the writer's schema of {name} cannot be read here: {'; '.join(faults)}")


def _refuse_bombs(node: Any, inside: tuple[str, ...], empty: set[str]) -> bool:
    """Whether a value of this schema can take no bytes at all; `ValueError` for a bomb."""
    if isinstance(node, list):
        for branch in node:
            _refuse_bombs(branch, inside, empty)
        return False
    if isinstance(node, str):
        if node in inside:
            raise ValueError(f"{node} contains itself")
        return node == "null" or node in empty
    kind = node["type"]
    if not isinstance(kind, str):
        return _refuse_bombs(kind, inside, empty)
    if kind == "array":
        if _refuse_bombs(node["items"], inside, empty):
            raise ValueError("the items of an array take no bytes, so their number has no bound")
        return False
    if kind == "map":  # its keys take bytes
        _refuse_bombs(node["values"], inside, empty)
        return False
    if kind in ("record", "error"):
        names = (*inside, node["name"], full_name(node), full_name(node, NAMESPACE))
        sizes = [_refuse_bombs(field["type"], names, empty) for field in node["fields"]]
        nothing = all(sizes)
    else:
        nothing = kind == "null" or (kind == "fixed" and node["size"] == 0)
    if nothing and kind in _NAMED:
        empty.update((node["name"], full_name(node), full_name(node, NAMESPACE)))
    return nothing


def _layout(node: Any) -> Any:
    """What decides how bytes are read with one schema: everything but docs and defaults."""
    if isinstance(node, list):
        return [_layout(branch) for branch in node]
    if not isinstance(node, dict):
        return node
    return {name: _layout(value) for name, value in node.items() if name not in _UNREAD}
