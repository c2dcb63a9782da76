"""The keeper on a real Postgres: signs what has grown, after a crash anywhere, and nothing else."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from infra.config import Config
from infra.proofs import checkpoint, leaves, tables, tree
from infra.proofs.keeper import EVERY_LEAVES, Keeper
from infra.proofs.keys import TOP, LogKeys
from infra.proofs.leaves import Batch, heads
from infra.proofs.signer import Refused, Signer
from infra.store import postgres
from infra.store.postgres import Connection

LOG = "order-events/0"
KEYS = LogKeys(bytes(32))


@pytest.fixture
def conninfo(config: Config) -> str:
    found = postgres.address(config.postgres, config.namespace)
    leaves.prepare(found)
    return found


def append(connection: Connection, conninfo: str, number: int, log: str = LOG) -> None:
    start, batch = heads(connection, [log])[log].index, Batch()
    for index in range(start, start + number):
        batch.add(log, index, index, f"m{index}", b"leaf %d" % index)
    with connection.transaction(), connection.cursor() as cursor:
        leaves.insert(cursor, conninfo, batch)


def keeper(connection: Connection, conninfo: str, folder: Path) -> Keeper:
    return Keeper(connection, conninfo, Signer(folder, KEYS))


def check(connection: Connection, log: str, size: int) -> None:
    """The newest checkpoint is signed, of this size, and of the leaves that are there."""
    kept = tables.newest(connection, log)
    assert kept is not None
    said, _ = checkpoint.check(kept.note.encode(), KEYS.of(log).public)
    data = [leaf for _, leaf in tables.data_from(connection, log, 0, said.size)]
    assert (said.size, said.root) == (size, tree.root_of(map(tree.leaf_hash, data)))


def test_it_signs_what_has_grown_and_logs_the_checkpoint(conninfo: str, tmp_path: Path) -> None:
    with postgres.connect(conninfo) as connection:
        at_work = keeper(connection, conninfo, tmp_path)
        assert at_work.round() is None
        append(connection, conninfo, 700)
        top = at_work.round()
        assert top is not None
        assert (top.log, top.size) == (TOP, 1)
        append(connection, conninfo, 10)
        assert at_work.round() is None, "a second has not passed"
        append(connection, conninfo, EVERY_LEAVES)
        assert at_work.round() is not None, "a thousand leaves do not wait"
        check(connection, LOG, 710 + EVERY_LEAVES)
        check(connection, TOP, 2)
        said = [kept.note.encode() for kept in tables.checkpoints(connection, LOG)]
        assert [data for _, data in tables.data_from(connection, TOP, 0, 9)] == said


def test_proofs_out_of_the_tables_hold(conninfo: str, tmp_path: Path) -> None:
    with postgres.connect(conninfo) as connection:
        at_work = keeper(connection, conninfo, tmp_path)
        for number in (5, 251, 70_000, 3):
            append(connection, conninfo, number)
            at_work._logs[LOG].signed_at_s = 0.0
            at_work.round()
        sizes = [
            (k.size, checkpoint.read(k.note.split("\n\n")[0] + "\n").root)
            for k in tables.checkpoints(connection, LOG)
        ]
        assert [size for size, _ in sizes] == [5, 256, 70_256, 70_259]
        node = tables.tiled(connection, LOG).node
        for size, root in sizes:
            for index in {0, size // 2, size - 1}:
                path = tree.inclusion(index, size, node)
                tree.check_inclusion(tree.leaf_hash(b"leaf %d" % index), index, size, path, root)
        for old, new in pairwise(sizes):
            tree.check_consistency(*old, *new, tree.consistency(old[0], new[0], node))


@pytest.mark.parametrize("place", ["add_tiles", "remember", "sign", "add_checkpoint", "insert"])
def test_killed_anywhere_the_next_ends_what_was_begun(
    conninfo: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    owner = {"add_tiles": tables, "add_checkpoint": tables, "insert": leaves}.get(place, Signer)
    with postgres.connect(conninfo) as connection:
        first = keeper(connection, conninfo, tmp_path)
        append(connection, conninfo, 300)
        first.round()
        append(connection, conninfo, 1_300)
        with monkeypatch.context() as patch:
            patch.setattr(owner, place, die)
            with pytest.raises(KeyboardInterrupt):
                first.round()
        second = keeper(connection, conninfo, tmp_path)
        second.round()
        check(connection, LOG, 1_600)
        tops = [data for _, data in tables.data_from(connection, TOP, 0, 9)]
        assert tops == [kept.note.encode() for kept in tables.checkpoints(connection, LOG)]
        check(connection, TOP, len(tops))


@pytest.mark.parametrize(
    "attack",
    [
        "update proof_leaves set data = 'x' where \"index\" = 250",
        'delete from proof_leaves where "index" = 299',
        "update proof_tiles set hashes = set_byte(hashes, 9, get_byte(hashes, 9) # 1)",
        "update proof_leaves set data = 'x' where \"index\" = 280",
        "delete from proof_leaves",
    ],
)
def test_it_signs_nothing_about_another_past(conninfo: str, tmp_path: Path, attack: str) -> None:
    with postgres.owner(conninfo) as connection:
        append(connection, conninfo, 300)
        keeper(connection, conninfo, tmp_path).round()
        signed = tables.checkpoints(connection, LOG)
        connection.execute("set session_replication_role = replica")
        connection.execute("delete from proof_tiles" if "250" in attack else "select 1")
        connection.execute(attack.encode())
        with pytest.raises(Refused):
            keeper(connection, conninfo, tmp_path).round()
        assert tables.checkpoints(connection, LOG) == signed


def test_lost_memory_is_no_leave_to_sign(conninfo: str, tmp_path: Path) -> None:
    with postgres.connect(conninfo) as connection:
        append(connection, conninfo, 3)
        keeper(connection, conninfo, tmp_path).round()
        (tmp_path / "signed.json").unlink()
        with pytest.raises(Refused, match="does not remember"):
            keeper(connection, conninfo, tmp_path)


def test_the_signer_never_goes_back(tmp_path: Path) -> None:
    signer = Signer(tmp_path, KEYS)
    signer.remember({LOG: (5, bytes(32))})
    for size, root in ((4, bytes(32)), (5, b"x" * 32)):
        with pytest.raises(Refused):
            Signer(tmp_path, KEYS).remember({LOG: (size, root)})
    assert Signer(tmp_path, KEYS).last(LOG) == (5, bytes(32))
