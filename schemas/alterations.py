"""What Avro's own compatibility rules do not see: bytes that still decode, and mean something else.

The official checker calls decimal(18, 2) -> decimal(18, 4) compatible, and milliseconds ->
microseconds: silent factors of 100 and 1,000.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

Node = Any
"""A schema as JSON: a name, a list of branches or a dictionary."""

_MEANING = ("logicalType", "precision", "scale")


class Pair(NamedTuple):
    """The same place in two schemas: its name, what it was and what it is to be."""

    place: str
    old: Node
    new: Node


def misread(old: Node, new: Node) -> tuple[str, ...]:
    """Where bytes of one schema read under the other would become another value."""
    return _found(old, new, _other_meaning)


def altered(old: Node, new: Node) -> tuple[str, ...]:
    """Where `new` departs from `old` in what our own schemas keep for ever, beyond `misread`.

    Names, the order of symbols, branches and fields, and defaults: what sorts, what old bytes read
    as, and what a later version may still remove.
    """
    return _found(old, new, _other_names, _other_symbols, _other_branches, _other_fields)


def renamed(old: Node, new: Node) -> tuple[str, ...]:
    """Where a field went as one like it came: with defaults Avro allows it, and loses the value."""
    return _found(old, new, _other_field)


def _found(old: Node, new: Node, *checks: Callable[[Pair], Iterator[str]]) -> tuple[str, ...]:
    pairs = _pairs(Pair("", old, new), _names(old), _names(new), set())
    return tuple(
        f"{pair.place}: {fault}" if pair.place else fault
        for pair in pairs
        for check in checks
        for fault in check(pair)
    )


def _other_meaning(pair: Pair) -> Iterator[str]:
    if isinstance(pair.old, list) or isinstance(pair.new, list):
        return  # its branches are pairs of their own
    for attribute in _MEANING:
        was, is_to_be = _attribute(pair.old, attribute), _attribute(pair.new, attribute)
        if was != is_to_be:
            yield f"{attribute} was {_said(was)} and cannot become {_said(is_to_be)}"
            return


def _other_names(pair: Pair) -> Iterator[str]:
    was, is_to_be = full_name(pair.old), full_name(pair.new)
    if was != is_to_be:
        yield f"the name was {_said(was)} and cannot become {_said(is_to_be)}"


def _other_symbols(pair: Pair) -> Iterator[str]:
    if _kind(pair.old) != "enum" or _kind(pair.new) != "enum":
        return
    if not _same_order(pair.old["symbols"], pair.new["symbols"]):
        yield "the symbols changed their order; append new ones"
    was, is_to_be = pair.old.get("default"), pair.new.get("default")
    if was != is_to_be:
        yield f"the default symbol was {_said(was)} and cannot become {_said(is_to_be)}"


def _other_branches(pair: Pair) -> Iterator[str]:
    if not isinstance(pair.old, list) or not isinstance(pair.new, list):
        return
    old, new = [_arm(branch) for branch in pair.old], [_arm(branch) for branch in pair.new]
    if [arm for arm in old if arm in new] != [arm for arm in new if arm in old]:
        yield "the branches of the union changed their order"


def _other_field(pair: Pair) -> Iterator[str]:
    if _kind(pair.old) != "record" or _kind(pair.new) != "record":
        return
    old = {field["name"]: field for field in pair.old["fields"]}
    new = {field["name"]: field for field in pair.new["fields"]}
    for gone in sorted(old.keys() - new.keys()):
        for name in sorted(new.keys() - old.keys()):
            if old[gone]["type"] == new[name]["type"] or gone in (new[name].get("aliases") or ()):
                yield f"{gone}: renamed to {name}, which loses it; keep it beside the new field"


def _other_fields(pair: Pair) -> Iterator[str]:
    if _kind(pair.old) != "record" or _kind(pair.new) != "record":
        return
    old = {field["name"]: field for field in pair.old["fields"]}
    new = {field["name"]: field for field in pair.new["fields"]}
    if not _same_order(list(old), list(new)):
        yield "the fields changed their order; append new ones"
    for name in old:
        if name not in new:
            continue
        if old[name].get("order", "ascending") != new[name].get("order", "ascending"):
            yield f"{name}: the sort order changed"
        if "default" in old[name] and "default" not in new[name]:
            yield f"{name}: the default was removed"
        elif old[name].get("default") != new[name].get("default"):
            yield f"{name}: the default changed, so old bytes would read differently"


def _pairs(
    pair: Pair, old_names: dict[str, Node], new_names: dict[str, Node], seen: set[tuple[str, str]]
) -> Iterator[Pair]:
    """The pair and every pair below it, names resolved, each pair of named types once."""
    place, old, new = pair.place, _resolved(pair.old, old_names), _resolved(pair.new, new_names)
    names = (full_name(old), full_name(new))
    if all(names):
        if names in seen:
            return
        seen.add(names)
    yield Pair(place, old, new)
    for below in _below(place, old, new, old_names, new_names):
        yield from _pairs(below, old_names, new_names, seen)


def _below(
    place: str, old: Node, new: Node, old_names: dict[str, Node], new_names: dict[str, Node]
) -> Iterator[Pair]:
    kinds = (_kind(old), _kind(new))
    if kinds == ("record", "record"):
        fields = {field["name"]: field["type"] for field in new["fields"]}
        for field in old["fields"]:
            name = field["name"]
            if name in fields:
                yield Pair(f"{place}.{name}" if place else name, field["type"], fields[name])
    elif kinds == ("array", "array"):
        yield Pair(f"{place}[]", old["items"], new["items"])
    elif kinds == ("map", "map"):
        yield Pair(f"{place}{{}}", old["values"], new["values"])
    elif "union" in kinds:
        arms = {_arm(_resolved(node, new_names)): node for node in _branches(new)}
        for node in _branches(old):
            arm = _arm(_resolved(node, old_names))
            if arm in arms:
                yield Pair(place, node, arms[arm])


def _names(node: Node) -> dict[str, Node]:
    """Every named type that is defined inside a schema."""
    names: dict[str, Node] = {}
    _collect(node, "", names)
    return names


def _collect(node: Node, namespace: str, names: dict[str, Node]) -> None:
    if isinstance(node, list):
        for branch in node:
            _collect(branch, namespace, names)
        return
    if not isinstance(node, dict):
        return
    if "name" in node and _kind(node) in ("record", "error", "enum", "fixed"):
        names.setdefault(full_name(node, namespace), node)
        names.setdefault(node["name"], node)
        namespace = node.get("namespace", full_name(node, namespace).rpartition(".")[0])
    for field in node.get("fields", ()):
        _collect(field["type"], namespace, names)
    for below in ("items", "values", "type"):
        _collect(node.get(below), namespace, names)


def full_name(node: Node, namespace: str = "") -> str:
    """Namespace and name of a named type; empty for every other."""
    if not isinstance(node, dict) or "name" not in node:
        return ""
    name = str(node["name"])
    space = node.get("namespace", namespace)
    return name if "." in name or not space else f"{space}.{name}"


def _resolved(node: Node, names: dict[str, Node]) -> Node:
    if isinstance(node, dict) and isinstance(node.get("type"), dict | list):
        return _resolved(node["type"], names)
    return names.get(node, node) if isinstance(node, str) else node


def _kind(node: Node) -> str:
    if isinstance(node, list):
        return "union"
    return str(node["type"]) if isinstance(node, dict) else str(node)


def _arm(node: Node) -> str:
    return full_name(node) or _kind(node)


def _branches(node: Node) -> list[Node]:
    return node if isinstance(node, list) else [node]


def _attribute(node: Node, name: str) -> Any:
    return node.get(name) if isinstance(node, dict) else None


def _same_order(old: list[str], new: list[str]) -> bool:
    """Whether what both have in common comes in the same order, and what is new comes last."""
    kept = [name for name in old if name in new]
    return new[: len(kept)] == kept


def _said(value: Any) -> str:
    return "absent" if value in (None, "") else repr(value)
