"""Trees against the definition of RFC 9162, written down once more, and its published roots."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.proofs import tree
from infra.proofs.tiles import WIDTH, Builder, Tiled
from infra.proofs.tree import ProofError, leaf_hash

INPUTS = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
LEAVES = [leaf_hash(bytes.fromhex(text)) for text in INPUTS]
MANY = [leaf_hash(str(number).encode()) for number in range(3_000)]
sizes = st.integers(1, 400)


def naive(leaves: Sequence[bytes]) -> bytes:
    """MTH of RFC 9162, section 2.1.1, over the hashes of leaves."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\x01" + naive(leaves[:k]) + naive(leaves[k:])).digest()


def node_of(leaves: Sequence[bytes]) -> Callable[[int, int], bytes]:
    return lambda level, index: naive(leaves[index << level : (index + 1) << level])


@pytest.mark.parametrize("size", range(len(ROOTS)))
def test_published_roots(size: int) -> None:
    assert tree.root_of(LEAVES[:size]).hex() == ROOTS[size]


@pytest.mark.parametrize("size", [0, 1, 2, 3, 255, 256, 257, 511, 512, 1_000, 2_999, 3_000])
def test_the_frontier_and_the_tiles_agree_with_the_definition(size: int) -> None:
    builder = Builder()
    for leaf in MANY[:size]:
        builder.append(leaf)
    assert tree.root_of(MANY[:size]) == naive(MANY[:size]) == builder.root()


def test_small_trees_wholly() -> None:
    for size in range(1, 34):
        leaves = MANY[:size]
        node, root = node_of(leaves), naive(leaves)
        for index in range(size):
            path = tree.inclusion(index, size, node)
            tree.check_inclusion(leaves[index], index, size, path, root)
            for other in range(size):
                if other != index:
                    with pytest.raises(ProofError):
                        tree.check_inclusion(leaves[index], other, size, path, root)
        for old in range(size + 1):
            path = tree.consistency(old, size, node)
            tree.check_consistency(old, naive(leaves[:old]), size, root, path)


@given(size=st.integers(1, len(MANY)), seed=st.integers(0, 2**32))
def test_proofs_out_of_tiles_hold(size: int, seed: int) -> None:
    luck = random.Random(seed)
    tiles, builder = {}, Builder()
    for leaf in MANY[:size]:
        builder.append(leaf)
    for level, index, hashes in builder.taken():
        tiles[level, index] = hashes
    tiled = Tiled(lambda level, index: tiles.get((level, index)), lambda a, b: MANY[a:b])
    root, index, old = builder.root(), luck.randrange(size), luck.randrange(size + 1)
    tree.check_inclusion(MANY[index], index, size, tree.inclusion(index, size, tiled.node), root)
    path = tree.consistency(old, size, tiled.node)
    tree.check_consistency(old, tree.root_of(MANY[:old]), size, root, path)


@pytest.mark.parametrize("size", [0, 1, 255, 256, 300, WIDTH * 3, 2_000])
def test_a_builder_goes_on_where_another_stopped(size: int) -> None:
    first, tiles = Builder(), {}
    for leaf in MANY[:size]:
        first.append(leaf)
    tiles = {(level, index): hashes for level, index, hashes in first.taken()}
    tiled = Tiled(lambda level, index: tiles.get((level, index)), lambda a, b: MANY[a:b])
    second = Builder(size, tiled.edges(size))
    assert second.root() == first.root()
    for leaf in MANY[size:]:
        second.append(leaf)
    assert second.root() == tree.root_of(MANY)


@given(size=sizes, seed=st.integers(0, 2**32))
def test_a_changed_inclusion_proof_is_refused(size: int, seed: int) -> None:
    luck = random.Random(seed)
    leaves, index = MANY[:size], luck.randrange(size)
    path, root = tree.inclusion(index, size, node_of(leaves)), naive(leaves)
    for leaf, at, of, changed, to in _edits(leaves[index], index, size, path, root, luck):
        if (leaf, at, of, changed, to) == (leaves[index], index, size, path, root):
            continue
        if _same_shape(index, size, at, of) and (leaf, changed, to) == (leaves[index], path, root):
            continue  # the size is not in the hashes: the checkpoint binds it to the root
        with pytest.raises(ProofError):
            tree.check_inclusion(leaf, at, of, changed, to)


@given(size=st.integers(2, 400), seed=st.integers(0, 2**32))
def test_a_changed_consistency_proof_is_refused(size: int, seed: int) -> None:
    luck = random.Random(seed)
    old = luck.randrange(1, size)
    leaves = MANY[:size]
    path = tree.consistency(old, size, node_of(leaves))
    roots = naive(leaves[:old]), naive(leaves)
    for changed in _changed_paths(path, luck):
        if changed != path:
            with pytest.raises(ProofError):
                tree.check_consistency(old, roots[0], size, roots[1], changed)
    for before, after in ((roots[1], roots[0]), (_flip(roots[0], luck), roots[1])):
        with pytest.raises(ProofError):
            tree.check_consistency(old, before, size, after, path)
    with pytest.raises(ProofError):
        tree.check_consistency(size, roots[1], old, roots[0], path)


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [(0, 5, [MANY[0]]), (5, 5, [MANY[0]]), (3, 5, []), (4, 5, []), (6, 5, []), (-1, 5, [])],
)
def test_proofs_of_the_edges_have_their_exact_length(old: int, new: int, path: list[bytes]) -> None:
    with pytest.raises(ProofError):
        tree.check_consistency(old, naive(MANY[: max(0, old)]), new, naive(MANY[:new]), path)


def test_equal_sizes_with_other_roots_and_sizes_without_end_are_refused() -> None:
    with pytest.raises(ProofError):
        tree.check_consistency(5, MANY[0], 5, MANY[1], [])
    with pytest.raises(ProofError):
        tree.check_consistency(0, MANY[0], 5, MANY[1], [])
    with pytest.raises(ProofError):
        tree.check_inclusion(MANY[0], 0, 2**63, [MANY[1]] * 63, MANY[2])
    with pytest.raises(ProofError):
        tree.check_inclusion(MANY[0], 0, 0, [], MANY[0])
    with pytest.raises(ProofError):
        tree.check_inclusion(MANY[0], 5, 5, [], MANY[0])


def test_a_node_is_not_shown_as_a_leaf() -> None:
    left, right = MANY[:2]
    assert leaf_hash(left + right) != tree.node_hash(left, right)


def _edits(
    leaf: bytes, index: int, size: int, path: list[bytes], root: bytes, luck: random.Random
) -> list[tuple[bytes, int, int, list[bytes], bytes]]:
    return [
        (_flip(leaf, luck), index, size, path, root),
        (leaf, index, size, path, _flip(root, luck)),
        (leaf, luck.randrange(size), size, path, root),
        (leaf, index + size, size, path, root),
        (leaf, -1, size, path, root),
        (leaf, index, 0, path, root),
        *((leaf, index, size, changed, root) for changed in _changed_paths(path, luck)),
    ]


def _changed_paths(path: list[bytes], luck: random.Random) -> list[list[bytes]]:
    extra = bytes(luck.randrange(256) for _ in range(32))
    changed = [[*path, extra], [extra, *path], path[::-1], path[:-1], path[1:], [*path, *path]]
    for at in range(len(path)):
        changed += [
            [*path[:at], _flip(path[at], luck), *path[at + 1 :]],
            [*path[:at], path[at], *path[at:]],
            [*path[:at], path[at][:-1], *path[at + 1 :]],
            [*path[:at], path[at] + b"\x00", *path[at + 1 :]],
        ]
    return changed


def _same_shape(index: int, size: int, at: int, of: int) -> bool:
    return index == at and size != of


def _flip(data: bytes, luck: random.Random) -> bytes:
    place = luck.randrange(len(data) * 8)
    changed = bytearray(data)
    changed[place // 8] ^= 1 << (place % 8)
    return bytes(changed)
