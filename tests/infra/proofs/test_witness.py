"""A witness: what it answers, over HTTP, and what it still knows when it is started again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from itertools import count
from pathlib import Path

import httpx
import pytest

from infra.proofs import cosignature, note, tree, witness
from infra.proofs.checkpoint import Checkpoint
from infra.proofs.memory import MEMORIES, Database, PlainFile
from infra.proofs.note import SignerKey
from infra.proofs.witness import Memory, Request
from infra.run.witness import PATH, serve
from tests.infra.proofs.made import LEAVES, LOG, NOW_S, WITNESSES, node, signed

LOGS = {LOG.name: LOG.public}
KEY = WITNESSES[0]


def body(old: int, new: int, **changed: bytes) -> bytes:
    path = tuple(tree.consistency(old, new, node)) if old <= new else ()
    return Request(old, path, signed(new, **changed).written().encode()).written()  # type: ignore[arg-type]


def answer(memory: Memory, content: bytes) -> witness.Answer:
    return witness.judged(content, LOGS, memory, KEY, NOW_S)


@pytest.fixture(params=list(MEMORIES))
def memory(request: pytest.FixtureRequest, tmp_path: Path) -> Memory:
    made: Memory = MEMORIES[request.param](tmp_path)
    return made


def test_growth_is_cosigned_and_remembered(memory: Memory) -> None:
    for old, new in ((0, 5), (5, 5), (5, 30), (30, 37)):
        found = answer(memory, body(old, new))
        assert found.status == 200
        line = note.signature_of(found.body.removesuffix("\n"))
        assert cosignature.check(signed(new), line, KEY.public, NOW_S) == NOW_S
        assert memory.seen(LOG.name) == (new, tree.root_of(LEAVES[:new]))


def test_what_does_not_grow_is_refused_and_nothing_is_forgotten(memory: Memory) -> None:
    assert answer(memory, body(0, 30)).status == 200
    other = SignerKey.of("elsewhere.example", 1, bytes(32))
    forged = SignerKey.of(LOG.name, 1, bytes(32))
    fork = tree.leaf_hash(b"another past")
    long = Request(30, (*tree.consistency(30, 37, node), fork), _note(37)).written()
    cases = [
        (body(30, 37, root=fork), 422),
        (body(30, 30, root=fork), 422),
        (Request(30, (), _note(37)).written(), 422),
        (long, 422),
        (body(5, 37), 409),
        (body(0, 37), 409),
        (body(30, 20), 400),
        (Request(30, (), signed(37, key=other).written().encode()).written(), 404),
        (Request(30, (), signed(37, key=forged).written().encode()).written(), 403),
        (body(30, 37).replace(b"old 30", b"old 030"), 400),
        (body(30, 37).replace(b"\n", b"\r\n"), 400),
        (b"old 30\n", 400),
        (b"", 400),
    ]
    for content, status in cases:
        found = answer(memory, content)
        assert found.status == status, found
        assert memory.seen(LOG.name) == (30, tree.root_of(LEAVES[:30]))
    found = answer(memory, body(0, 37))
    assert (found.body, found.kind) == ("30\n", "text/x.tlog.size")


def _note(size: int) -> bytes:
    return signed(size).written().encode()


@pytest.mark.parametrize("kind", [Database, PlainFile])
def test_it_knows_as_much_after_a_restart(tmp_path: Path, kind: type[Database | PlainFile]) -> None:
    first = kind(tmp_path)
    assert answer(first, body(0, 30)).status == 200
    first.close()
    again = kind(tmp_path)
    assert answer(again, body(0, 37)).status == 409
    assert answer(again, body(30, 37)).status == 200


def test_a_line_that_was_cut_off_was_never_said(tmp_path: Path) -> None:
    first = PlainFile(tmp_path)
    assert answer(first, body(0, 5)).status == 200
    assert answer(first, body(5, 30)).status == 200
    first.close()
    file = tmp_path / "seen.txt"
    file.write_bytes(file.read_bytes()[:-7])
    assert PlainFile(tmp_path).seen(LOG.name) == (5, tree.root_of(LEAVES[:5]))
    assert file.read_bytes().endswith(b"\n")


def test_two_at_once_cannot_roll_it_back(tmp_path: Path) -> None:
    memory = Database(tmp_path)
    assert answer(memory, body(0, 5)).status == 200
    with _served(memory) as url:
        statuses: list[int] = []

        def ask(new: int) -> None:
            statuses.append(httpx.post(url, content=body(5, new), trust_env=False).status_code)

        threads = [threading.Thread(target=ask, args=(new,)) for new in range(6, 22)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(statuses) == [200] + [409] * 15


def test_of_two_that_have_seen_the_same_one_is_told_of_the_other(memory: Memory) -> None:
    """Both are found to be growth before either is kept: the first to be kept stays."""
    assert answer(memory, body(0, 5)).status == 200
    seeing = _SeenTogether(memory)
    with ThreadPoolExecutor(2) as both:
        larger, smaller = both.map(lambda new: answer(seeing, body(5, new)), (30, 20))
    assert sorted((larger.status, smaller.status)) == [200, 409]
    size, told = (30, smaller) if larger.status == 200 else (20, larger)
    assert told.body == f"{size}\n"
    assert memory.seen(LOG.name) == (size, tree.root_of(LEAVES[:size]))


class _SeenTogether:
    """A memory in which two look before either has written."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._looks = count()
        self._both = threading.Barrier(2, timeout=10)

    def seen(self, origin: str) -> tuple[int, bytes]:
        found = self._memory.seen(origin)
        if next(self._looks) < 2:
            self._both.wait()
        return found

    def replace(self, old: tuple[int, bytes], checkpoint: Checkpoint, note: bytes) -> bool:
        return self._memory.replace(old, checkpoint, note)


def test_over_http(tmp_path: Path) -> None:
    with _served(PlainFile(tmp_path)) as url:
        assert httpx.post(url, content=body(0, 5), trust_env=False).status_code == 200
        stale = httpx.post(url, content=body(0, 30), trust_env=False)
        assert (stale.status_code, stale.text) == (409, "5\n")
        assert stale.headers["content-type"] == "text/x.tlog.size"
        assert httpx.post(url + "/x", content=b"", trust_env=False).status_code == 400
        assert httpx.post(url, content=b"x" * 70_000, trust_env=False).status_code == 400


@contextmanager
def _served(memory: Memory) -> Iterator[str]:
    server: ThreadingHTTPServer = serve(0, KEY, memory, LOGS)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}{PATH}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
