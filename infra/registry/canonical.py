"""The one text by which a schema is known: the same for every spelling of its JSON."""

from __future__ import annotations

import json
from typing import Any

from infra.registry import refusals
from schemas.compatibility import InvalidSchema, check

_ORDER = ("type", "name", "namespace", "doc", "fields", "symbols", "items", "values", "size")
_FIELD_ORDER = ("name", "type", "doc", "default", "order", "aliases")


def canonical(text: str) -> str:
    """Compact JSON with attributes in Avro's order; refuses what is not an Avro schema."""
    try:
        schema = json.loads(text)
    except (ValueError, RecursionError) as wrong:
        raise refusals.invalid_schema(f"it is not JSON: {wrong}") from wrong
    try:
        check(schema)
    except InvalidSchema as wrong:
        raise refusals.invalid_schema(str(wrong)) from wrong
    return json.dumps(_ordered(schema), separators=(",", ":"), ensure_ascii=False)


def _ordered(node: Any) -> Any:
    if isinstance(node, list):
        return [_ordered(branch) for branch in node]
    if not isinstance(node, dict):
        return node
    if set(node) == {"type"} and isinstance(node["type"], str):
        return node["type"]
    ordered = _sorted(node, _ORDER)
    for below in ("type", "items", "values"):
        if below in ordered:
            ordered[below] = _ordered(ordered[below])
    if "fields" in ordered:
        ordered["fields"] = [_ordered_field(field) for field in ordered["fields"]]
    return ordered


def _ordered_field(field: dict[str, Any]) -> dict[str, Any]:
    return {**_sorted(field, _FIELD_ORDER), "type": _ordered(field["type"])}


def _sorted(node: dict[str, Any], order: tuple[str, ...]) -> dict[str, Any]:
    known = {name: node[name] for name in order if name in node}
    return {**known, **{name: node[name] for name in sorted(node) if name not in known}}
