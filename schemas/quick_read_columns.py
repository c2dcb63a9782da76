"""Events from many Avro payloads at once: what `quick_read.decode` reads of each.

Payloads whose fields stand at the same places are laid out as the rows of one table, and read
column by column. What is not alike, or not as our writers write it, is read one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import groupby, repeat
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import fields

from events.envelope import Event
from schemas import quick_read
from schemas.catalog import TYPES
from schemas.derive import Schema, item_of, optional
from schemas.quick_read import MORE, TEXTS, Unusual

ALIKE_MIN = 128
"""Fewer payloads than this are read faster one by one."""
LAYOUTS_MAX = 8
"""Among payloads of one size that many layouts are looked for."""
DOUBLE_BYTES = 8
LONG_BYTES_MAX = 9
"""Longer numbers do not fit into 63 bits."""

Cells = Any
"""Of each payload some bytes: a matrix of uint8, a row for each."""
Column = Iterable[Any]
Read = Callable[["_Table"], Iterator[Column]]


def decode_all(name: str, payloads: Sequence[bytes], writer: Schema) -> list[Event]:
    """The events in payloads, in their order; errors as those of `quick_read.decode`."""
    sizes = list(map(len, payloads))
    if len(payloads) < ALIKE_MIN or not quick_read.is_ours(name, writer) or not _reads(name):
        return [quick_read.decode(name, payload, writer) for payload in payloads]
    if len(set(sizes)) == 1:
        return _alike(name, payloads, writer, LAYOUTS_MAX)
    order = sorted(range(len(payloads)), key=sizes.__getitem__)
    made: dict[int, Event] = {}
    for _, run in groupby(order, key=sizes.__getitem__):
        places = list(run)
        events = _alike(name, [payloads[n] for n in places], writer, LAYOUTS_MAX)
        made |= zip(places, events, strict=True)
    return [made[n] for n in range(len(payloads))]


def _alike(name: str, payloads: Sequence[bytes], writer: Schema, layouts: int) -> list[Event]:
    """The same for payloads of one size, which may have several layouts."""
    if len(payloads) >= ALIKE_MIN and layouts:
        try:
            table = _Table(payloads)
            columns = [column for read in _reads(name) for column in read(table)]
            table.end()
            return _build(name)(*columns)
        except _Uneven as uneven:
            return _apart(name, payloads, writer, layouts - 1, uneven.alike)
        except (Unusual, UnicodeError):
            pass  # one of them is for the codec
    return [quick_read.decode(name, payload, writer) for payload in payloads]


def _apart(
    name: str, payloads: Sequence[bytes], writer: Schema, layouts: int, alike: Sequence[bool]
) -> list[Event]:
    """The same for those that are like the first, and for the others."""
    parts = {
        one: [payload for payload, is_it in zip(payloads, alike, strict=True) if is_it is one]
        for one in (True, False)
    }
    events = {one: iter(_alike(name, part, writer, layouts)) for one, part in parts.items()}
    return [next(events[is_it]) for is_it in alike]


class _Uneven(Exception):
    """Payloads differ in their layout: `alike` says which have that of the first."""

    def __init__(self, alike: Sequence[bool]) -> None:
        super().__init__("payloads differ in their layout")
        self.alike = alike


class _Table:
    """Payloads of one size as rows, and how far they were read."""

    def __init__(self, payloads: Sequence[bytes]) -> None:
        self._first = payloads[0]
        self._at = 0
        self.height = len(payloads)
        joined = np.frombuffer(b"".join(payloads), np.uint8)
        self._rows = joined.reshape(self.height, len(payloads[0]))

    def take(self, size: int) -> Cells:
        """The next bytes of each."""
        end = self._at + size
        if end > len(self._first):
            raise Unusual("the bytes end before the message")
        cells = self._rows[:, self._at : end]
        self._at = end
        return cells

    def long_size(self) -> int:
        """How many bytes the next whole number takes, in the first."""
        size = 1
        while size <= LONG_BYTES_MAX and self._at + size <= len(self._first):
            if self._first[self._at + size - 1] < MORE:
                return size
            size += 1
        raise Unusual("a number that is too long")

    def long(self) -> int:
        """The next whole number, which is the same in all: it says where the others stand."""
        cells = self.take(self.long_size())
        _even(cells == cells[0])
        return int(_numbers(cells[:1])[0])

    def end(self) -> None:
        """Nothing follows."""
        if self._at != len(self._first):
            raise Unusual("bytes follow the message")


def _even(same: Cells) -> None:
    """That all rows are like the first in all that is looked at."""
    if not same.all():
        raise _Uneven(same.all(axis=1).tolist())


def _numbers(cells: Cells) -> Cells:
    """Whole numbers of one length: zigzag, seven bits a byte, the low ones first."""
    shifts = np.arange(0, 7 * cells.shape[1], 7)
    zigzag = ((cells & 127).astype(np.int64) << shifts).sum(axis=1)
    return zigzag >> 1 ^ -(zigzag & 1)


def _longs(table: _Table) -> Iterator[Column]:
    cells = table.take(table.long_size())
    goes_on = cells >= MORE
    _even(goes_on == goes_on[0])
    yield _numbers(cells).tolist()


def _texts(table: _Table) -> Iterator[Column]:
    size = table.long()
    if size < 0:
        raise Unusual(size)
    cells = table.take(size)
    if (cells == cells[0]).all():
        yield repeat(TEXTS[cells[0].tobytes()], table.height)
    else:
        rows = np.ascontiguousarray(cells).view(f"V{size}").ravel().tolist()
        yield [TEXTS[row] for row in rows]


def _flags(table: _Table) -> Iterator[Column]:
    cells = table.take(1)
    if cells.max() > 1:
        raise Unusual("a flag that is neither true nor false")
    yield (cells == 1).ravel().tolist()


def _finite(table: _Table, count: int) -> Cells:
    """Some doubles of each, a row for each."""
    doubles = np.ascontiguousarray(table.take(DOUBLE_BYTES * count)).view("<f8")
    if not np.isfinite(doubles).all():
        raise Unusual("a number that is not finite")
    return doubles


def _doubles(count: int) -> Read:
    """Several fields that follow each other."""

    def read(table: _Table) -> Iterator[Column]:
        yield from _finite(table, count).T.tolist()

    return read


def _optional_doubles(null: int) -> Read:
    """A union of null and a double: the first byte says which."""

    def read(table: _Table) -> Iterator[Column]:
        branch = table.long()
        if branch == null:
            yield repeat(None, table.height)
        elif branch == 1 - null:
            yield _finite(table, 1).ravel().tolist()
        else:
            raise Unusual(branch)

    return read


def _rows_of_doubles(table: _Table) -> Iterator[Column]:
    """Arrays of doubles in one block, or in none."""
    count = table.long()
    if count < 0:
        raise Unusual(count)
    if count == 0:
        yield repeat((), table.height)
        return
    yield map(tuple, _finite(table, count).tolist())
    if table.take(1).any():
        raise Unusual("an array in several blocks")


@cache
def _reads(name: str) -> tuple[Read, ...]:
    """How the columns of a class are read, in their order; none where one cannot be."""
    kind = TYPES[name]
    schema_fields = quick_read.written(name)["fields"]
    reads: list[Read | None] = []
    hints = [(field.type, schema_fields[n]) for n, field in enumerate(fields(kind))]
    for is_double, run in groupby(hints, key=lambda hint: hint[0] is float):
        together = list(run)
        reads += [_doubles(len(together))] if is_double else [_read(*one) for one in together]
    found = tuple(read for read in reads if read is not None)
    return found if len(found) == len(reads) else ()


def _read(hint: Any, field: Schema) -> Read | None:
    if optional(hint) is float:
        return _optional_doubles(field["type"].index("null"))
    if item_of(hint) is float:
        return _rows_of_doubles
    return {str: _texts, int: _longs, bool: _flags}.get(hint)


@cache
def _build(name: str) -> Callable[..., list[Event]]:
    """The function that makes events of a class from its columns."""
    kind: type[Struct] = TYPES[name]
    numbered = [(f"v{n}", field.name) for n, field in enumerate(fields(kind))]
    values = ", ".join(f"{field}={value}" for value, field in numbered)
    taken = ", ".join(value for value, _ in numbered)
    source = f"def build(*columns):\n    return [kind({values}) for {taken}, in zip(*columns)]"
    names: dict[str, Any] = {"kind": kind}
    exec(source, names)  # as in `quick`: nothing of it is input
    made: Callable[..., list[Event]] = names["build"]
    return made
