"""Leaves into trees, beside the hashes alone that this takes."""

from __future__ import annotations

import time
from hashlib import sha256

from infra.bench.figures import Figure
from infra.config import Config
from infra.proofs.tiles import Builder
from infra.proofs.tree import leaf_hash

LEAVES = 200_000
LEAF_BYTES = 400
LEAVES_LIMIT = 200_000.0


def appending(_: Config, repeats: int) -> Figure:
    """Leaves hashed and appended, full tiles and the root worked out, beside bare hashlib."""
    data = [number.to_bytes(LEAF_BYTES, "big") for number in range(LEAVES)]
    pairs = sorted((_appended(data), _bare(data)) for _ in range(repeats))
    ours, theirs = pairs[len(pairs) // 2]
    wanted = round(LEAVES_LIMIT / theirs, 3)
    return Figure("leaves appended to a log", ours, "bare hashlib", theirs, "leaves/s", wanted)


def _appended(data: list[bytes]) -> float:
    began_s, builder = time.perf_counter(), Builder()
    for each in data:
        builder.append(leaf_hash(each))
    builder.taken()
    builder.root()
    return len(data) / (time.perf_counter() - began_s)


def _bare(data: list[bytes]) -> float:
    """A hash of each leaf and one of two hashes: what a tree needs at least."""
    began_s, pair = time.perf_counter(), bytes(65)
    for each in data:
        sha256(each).digest()
        sha256(pair).digest()
    return len(data) / (time.perf_counter() - began_s)
