"""Merkle trees as in RFC 9162: hashes, the frontier of a growing tree, proofs and their check.

A check consumes every element of a proof: one that is longer than needed is refused, as is one
that is shorter. Nothing here has a default to fall back on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256

HASH_BYTES = 32
SIZE_MAX = 2**63 - 1
PATH_MAX = 63
EMPTY = sha256().digest()
"""The root of a tree without leaves."""

NodeAt = Callable[[int, int], bytes]
"""The hash of a perfect subtree: its level (0: leaves), and its place from the left there."""


class ProofError(ValueError):
    """Something that proves nothing; the text says what is wrong with it."""


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash over two subtrees; its prefix keeps a node from being shown as a leaf."""
    return sha256(b"\x01" + left + right).digest()


class Frontier:
    """A tree that only grows, as the roots of its perfect subtrees: a few hundred bytes."""

    def __init__(self) -> None:
        self.size = 0
        self._roots: list[bytes] = []

    def append(self, leaf: bytes) -> None:
        """Add the hash of the next leaf."""
        carry = self.size
        while carry & 1:
            leaf = node_hash(self._roots.pop(), leaf)
            carry >>= 1
        self._roots.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        """The root of what has been added."""
        return joined(self._roots)


def joined(roots: Sequence[bytes]) -> bytes:
    """The root over perfect subtrees, the largest first."""
    if not roots:
        return EMPTY
    root = roots[-1]
    for left in reversed(roots[:-1]):
        root = node_hash(left, root)
    return root


def root_of(leaves: Iterable[bytes]) -> bytes:
    """The root over the hashes of leaves."""
    frontier = Frontier()
    for leaf in leaves:
        frontier.append(leaf)
    return frontier.root()


def range_root(low: int, high: int, node: NodeAt) -> bytes:
    """The root over the leaves `low` to `high` (exclusive) of a subtree that begins at `low`."""
    roots = []
    while low < high:
        level = (high - low).bit_length() - 1
        roots.append(node(level, low >> level))
        low += 1 << level
    return joined(roots)


def inclusion(index: int, size: int, node: NodeAt) -> list[bytes]:
    """The proof that a leaf is in the tree of `size`: the leaf's sibling first."""
    if not 0 <= index < size:
        raise ProofError(f"there is no leaf {index} in a tree of {size}")
    path, low, high = [], 0, size
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            path.append(range_root(middle, high, node))
            high = middle
        else:
            path.append(range_root(low, middle, node))
            low = middle
    return path[::-1]


def consistency(old: int, new: int, node: NodeAt) -> list[bytes]:
    """The proof that the tree of `new` leaves begins with the tree of `old` ones."""
    if not 0 <= old <= new:
        raise ProofError(f"a tree of {new} cannot begin with one of {old}")
    if old in (0, new):
        return []
    path, low, high, whole = [], 0, new, True
    while old < high:
        middle = low + _split(high - low)
        if old <= middle:
            path.append(range_root(middle, high, node))
            high = middle
        else:
            path.append(range_root(low, middle, node))
            low, whole = middle, False
    if not whole:
        path.append(range_root(low, high, node))
    return path[::-1]


def check_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> None:
    """`ProofError` unless `path` proves that the leaf stands at `index` of the tree."""
    _check_sizes(index, size, path)
    if index >= size:
        raise ProofError(f"there is no leaf {index} in a tree of {size}")
    place, last, found = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            raise ProofError("the inclusion proof is longer than needed")
        if place & 1 or place == last:
            found = node_hash(sibling, found)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        place, last = place >> 1, last >> 1
    if last:
        raise ProofError("the inclusion proof is shorter than needed")
    if found != root:
        raise ProofError("the inclusion proof does not lead from this leaf to the root")


def check_consistency(
    old: int, old_root: bytes, new: int, new_root: bytes, path: Sequence[bytes]
) -> None:
    """`ProofError` unless `path` proves that the new tree begins with the old one."""
    _check_sizes(old, new, path)
    if old > new:
        raise ProofError(f"a tree of {new} cannot begin with one of {old}")
    if old in (0, new):
        if path:
            raise ProofError("the consistency proof is longer than needed")
        if old_root != (EMPTY if old == 0 else new_root) or (new == 0 and new_root != EMPTY):
            raise ProofError(f"two roots for a tree of {old}")
        return
    hashes = [old_root, *path] if old & (old - 1) == 0 else list(path)
    if len(hashes) < 2 - (old & (old - 1) != 0):
        raise ProofError("the consistency proof is shorter than needed")
    before, after = _replayed(old, new, hashes)
    if before != old_root:
        raise ProofError("the consistency proof does not lead to the old root")
    if after != new_root:
        raise ProofError("the consistency proof does not lead to the new root")


def _replayed(old: int, new: int, hashes: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Both roots that a consistency proof leads to."""
    place, last = old - 1, new - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    before = after = hashes[0]
    for each in hashes[1:]:
        if last == 0:
            raise ProofError("the consistency proof is longer than needed")
        if place & 1 or place == last:
            before, after = node_hash(each, before), node_hash(each, after)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            after = node_hash(after, each)
        place, last = place >> 1, last >> 1
    if last:
        raise ProofError("the consistency proof is shorter than needed")
    return before, after


def _check_sizes(low: int, high: int, path: Sequence[bytes]) -> None:
    if not (0 <= low <= SIZE_MAX and 0 <= high <= SIZE_MAX):
        raise ProofError("a size or an index is below 0 or above 2^63 - 1")
    if len(path) > PATH_MAX:
        raise ProofError(f"a proof has at most {PATH_MAX} hashes")
    if any(len(each) != HASH_BYTES for each in path):
        raise ProofError(f"a hash has {HASH_BYTES} bytes")


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << ((size - 1).bit_length() - 1)
