"""Asking witnesses: who agrees, who remembers otherwise, and who cannot say."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from infra.config import Config
from infra.proofs import leaves, tables, witness
from infra.proofs.keeper import Keeper
from infra.proofs.keys import TOP
from infra.proofs.memory import PlainFile
from infra.proofs.policy import Witness
from infra.proofs.tables import Kept
from infra.proofs.witnessing import Asking, contradiction
from infra.store import postgres
from infra.store.postgres import Connection
from tests.infra.proofs.made import WITNESSES
from tests.infra.proofs.test_keeper import KEYS, append, keeper

OTHERS = WITNESSES[0]
Answer = Callable[[httpx.Request], httpx.Response]


@pytest.fixture
def conninfo(config: Config) -> str:
    found = postgres.address(config.postgres, config.namespace)
    leaves.prepare(found)
    return found


@pytest.fixture
def connection(conninfo: str) -> Iterator[Connection]:
    with postgres.connect(conninfo) as opened:
        yield opened


def asking(answer: Answer) -> Asking:
    client = httpx.Client(transport=httpx.MockTransport(answer))
    return Asking(Witness(OTHERS.name, OTHERS.public, "http://witness.example"), client, {})


def signed(connection: Connection, conninfo: str, at_work: Keeper) -> Kept:
    append(connection, conninfo, 1_000)
    kept = at_work.round()
    assert kept is not None
    return kept


def of(memory: PlainFile) -> Answer:
    logs = {KEYS.of(TOP).public.name: KEYS.of(TOP).public}

    def answer(request: httpx.Request) -> httpx.Response:
        said = witness.judged(request.content, logs, memory, OTHERS, int(time.time()))
        return httpx.Response(said.status, text=said.body)

    return answer


def test_one_that_has_seen_more_contradicts(
    connection: Connection, conninfo: str, tmp_path: Path
) -> None:
    at_work = keeper(connection, conninfo, tmp_path)
    honest = asking(of(PlainFile(tmp_path / "witness")))
    first = signed(connection, conninfo, at_work)
    assert contradiction(honest, connection, first) == ""
    second = signed(connection, conninfo, at_work)
    assert contradiction(honest, connection, second) == ""
    with postgres.owner(conninfo) as owner:
        owner.execute("set session_replication_role = replica")
        owner.execute("delete from proof_checkpoints where log = %s and size = 2", (TOP,))
    assert "has seen 2 leaves of checkpoints" in contradiction(honest, connection, first)


def test_a_log_that_grows_meanwhile_contradicts_nobody(
    connection: Connection, conninfo: str, tmp_path: Path
) -> None:
    at_work, memory = keeper(connection, conninfo, tmp_path), PlainFile(tmp_path / "witness")
    first = signed(connection, conninfo, at_work)
    newer = signed(connection, conninfo, at_work)
    asking(of(memory)).cosignature(connection, newer)
    assert contradiction(asking(of(memory)), connection, first) == ""


def test_one_in_trouble_says_nothing_about_the_log(
    connection: Connection, conninfo: str, tmp_path: Path
) -> None:
    kept = signed(connection, conninfo, keeper(connection, conninfo, tmp_path))
    assert kept == tables.newest(connection, TOP)
    with pytest.raises(httpx.HTTPStatusError, match="503"):
        contradiction(asking(lambda _: httpx.Response(503)), connection, kept)
    knows_none = asking(lambda _: httpx.Response(404, text="no such log"))
    assert "404 no such log" in contradiction(knows_none, connection, kept)
