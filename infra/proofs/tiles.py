"""A tree kept in tiles of 256 hashes: what a proof needs is found in a few of them.

Tile `(level, index)` holds 256 neighbouring hashes of height 8 * level. Only full tiles are kept,
so a tile is written once and never again; what stands right of them is found in the leaves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from infra.proofs.tree import HASH_BYTES, ProofError, node_hash, range_root

WIDTH_BITS = 8
WIDTH = 1 << WIDTH_BITS

Tile = tuple[int, int, bytes]
"""Level, index, and the 256 hashes one behind the other."""
TileAt = Callable[[int, int], bytes | None]
"""A full tile, if it is kept."""
LeavesFrom = Callable[[int, int], Sequence[bytes]]
"""The hashes of the leaves from one index up to another."""


class Builder:
    """A growing tree: takes leaf hashes, gives full tiles, knows its root."""

    def __init__(self, size: int = 0, edges: Sequence[Sequence[bytes]] = ()) -> None:
        """`edges`: of each level the hashes that fill no tile yet, leaves first."""
        self.size = size
        self._edges = [list(edge) for edge in edges]
        self._full: list[Tile] = []

    def append(self, leaf: bytes) -> None:
        """Add the hash of the next leaf."""
        if not self._edges:
            self._edges.append([])
        edge = self._edges[0]
        edge.append(leaf)
        self.size += 1
        if len(edge) == WIDTH:
            self._close(0)

    def root(self) -> bytes:
        """The root of all that was added."""
        return range_root(0, self.size, self._node)

    def taken(self) -> list[Tile]:
        """The tiles that have become full since this was last asked."""
        full, self._full = self._full, []
        return full

    def _close(self, level: int) -> None:
        edge = self._edges[level]
        index = (self.size >> (WIDTH_BITS * (level + 1))) - 1
        self._full.append((level, index, b"".join(edge)))
        top = fold(edge)
        edge.clear()
        if len(self._edges) == level + 1:
            self._edges.append([])
        self._edges[level + 1].append(top)
        if len(self._edges[level + 1]) == WIDTH:
            self._close(level + 1)

    def _node(self, level: int, index: int) -> bytes:
        """The root asks for the perfect subtrees of its right edge, and those are in `_edges`."""
        tile_level, height = divmod(level, WIDTH_BITS)
        start = (index << height) & (WIDTH - 1)
        return fold(self._edges[tile_level][start : start + (1 << height)])


class Tiled:
    """The nodes of a tree out of its tiles, and of its leaves where no tile is full."""

    def __init__(self, tile_at: TileAt, leaves_from: LeavesFrom) -> None:
        self._tile_at = tile_at
        self._leaves_from = leaves_from
        self._known: dict[tuple[int, int], list[bytes]] = {}

    def node(self, level: int, index: int) -> bytes:
        """The hash of a perfect subtree."""
        tile_level, height = divmod(level, WIDTH_BITS)
        first = index << height
        tile, start = first >> WIDTH_BITS, first & (WIDTH - 1)
        hashes = self._hashes(tile_level, tile, start + (1 << height))
        return fold(hashes[start : start + (1 << height)])

    def edges(self, size: int) -> list[list[bytes]]:
        """What a `Builder` needs in order to go on from `size`."""
        found, level = [], 0
        while size >> (WIDTH_BITS * level):
            width = (size >> (WIDTH_BITS * level)) & (WIDTH - 1)
            tile = size >> (WIDTH_BITS * (level + 1))
            found.append(self._hashes(level, tile, width)[:width] if width else [])
            level += 1
        return found

    def _hashes(self, level: int, tile: int, width: int) -> list[bytes]:
        """At least the first `width` hashes of a tile, full or not."""
        known = self._known.get((level, tile))
        if known is not None and len(known) >= width:
            return known
        kept = self._tile_at(level, tile)
        if kept is not None:
            if len(kept) != WIDTH * HASH_BYTES:
                raise ProofError(f"tile {level}/{tile} has {len(kept)} bytes")
            found = [kept[at : at + HASH_BYTES] for at in range(0, len(kept), HASH_BYTES)]
        elif level == 0:
            found = list(self._leaves_from(tile * WIDTH, tile * WIDTH + width))
        else:
            below = range(tile * WIDTH, tile * WIDTH + width)
            found = [fold(self._hashes(level - 1, each, WIDTH)) for each in below]
        if len(found) < width:
            raise ProofError(f"the log has lost leaves of tile {level}/{tile}")
        self._known[level, tile] = found
        return found


def fold(hashes: Sequence[bytes]) -> bytes:
    """The root over a power of two of hashes."""
    row = hashes
    while len(row) > 1:
        row = [node_hash(row[at], row[at + 1]) for at in range(0, len(row), 2)]
    return row[0]
