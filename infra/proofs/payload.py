"""What a leaf and its event say, with nothing but Python. Part of each `verify.py`.

Decimals are text, bytes are base64, and a number that JSON cannot say is null, as in the API.
"""

import base64
import math
import struct
from decimal import Decimal
from typing import Any

LONG_BITS = 64
READ = ("name", "type", "fields", "items", "values", "symbols", "logicalType", "scale", "size")


class Unread:
    """The bytes of a payload that have not been read yet."""

    def __init__(self, data: bytes) -> None:
        self.left = memoryview(data)

    def take(self, count: int) -> bytes:
        """The next bytes; `ValueError` if there are fewer."""
        if not 0 <= count <= len(self.left):
            raise ValueError("a payload that is cut off")
        taken, self.left = self.left[:count], self.left[count:]
        return bytes(taken)

    def long(self) -> int:
        """A number as Avro writes it: seven bits a byte, the sign last."""
        found = shift = 0
        while shift < LONG_BITS:
            byte = self.take(1)[0]
            found |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return found >> 1 ^ -(found & 1)
        raise ValueError("a number without end")

    def chosen(self, among: list[Any]) -> Any:
        """That of these which the next number names."""
        at = self.long()
        if not 0 <= at < len(among):
            raise ValueError("a choice that the schema does not give")
        return among[at]


def read_leaf(data: bytes) -> list[bytes]:
    """The fields of a leaf, each with its length before it."""
    parts, at = [], 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        parts.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    if at != len(data) or len(parts) != 15 or parts[0] != b"tapedeck-leaf-v1":
        raise ValueError("no leaf of a tape")
    return parts


def layout(schema: Any) -> Any:
    """What decides how bytes are read and what they are called: no documentation, no defaults."""
    if isinstance(schema, list):
        return [layout(each) for each in schema]
    if isinstance(schema, dict):
        return {name: layout(schema[name]) for name in READ if name in schema}
    return _short(schema) if isinstance(schema, str) else schema


def named_of(schema: Any) -> dict[str, Any]:
    """The records and enums that a schema defines, by name; a name means one thing."""
    found: dict[str, Any] = {}
    rest = [schema]
    while rest:
        node = rest.pop()
        if isinstance(node, list):
            rest += node
        elif isinstance(node, dict):
            if "name" in node and found.setdefault(_short(node["name"]), node) is not node:
                raise ValueError(f"a schema defines {node['name']} twice")
            rest += [node["type"], node.get("items"), node.get("values")]
            rest += [field["type"] for field in node.get("fields", ())]
    return found


def read_payload(schema: Any, data: bytes) -> Any:
    """The whole payload; `ValueError` if it is not one value of this schema."""
    unread = Unread(data)
    value = _value(unread, schema, named_of(schema))
    if unread.left:
        raise ValueError("a payload that is longer than its schema")
    return value


def _short(name: str) -> str:
    return name.rpartition(".")[2]


def _value(unread: Unread, schema: Any, named: dict[str, Any]) -> Any:
    if isinstance(schema, list):
        return _value(unread, unread.chosen(schema), named)
    if isinstance(schema, str):
        if _short(schema) in named:
            return _value(unread, named[_short(schema)], named)
        return _plain(unread, schema)
    kind = schema["type"]
    if kind == "record":
        return {each["name"]: _value(unread, each["type"], named) for each in schema["fields"]}
    if kind == "enum":
        return unread.chosen(schema["symbols"])
    if kind == "array":
        return _items(unread, schema["items"], named)
    if schema.get("logicalType") == "decimal":
        unscaled = int.from_bytes(unread.take(unread.long()), "big", signed=True)
        digits = tuple(map(int, str(abs(unscaled))))
        return str(Decimal((int(unscaled < 0), digits, -schema["scale"])))
    return _value(unread, kind, named)


def _items(unread: Unread, schema: Any, named: dict[str, Any]) -> list[Any]:
    items: list[Any] = []
    while count := unread.long():
        if count < 0:
            count, _bytes = -count, unread.long()
        if count > len(unread.left):
            raise ValueError("a payload that is cut off")
        items += [_value(unread, schema, named) for _ in range(count)]
    return items


def _plain(unread: Unread, kind: str) -> Any:
    if kind == "null":
        return None
    if kind in ("int", "long"):
        return unread.long()
    if kind == "boolean":
        return (False, True)[unread.take(1)[0]]
    if kind == "double":
        found: float = struct.unpack("<d", unread.take(8))[0]
        return found if math.isfinite(found) else None
    if kind == "string":
        return unread.take(unread.long()).decode()
    if kind == "bytes":
        return base64.b64encode(unread.take(unread.long())).decode()
    raise ValueError(f"a schema cannot say {kind[:40]!r} here")
