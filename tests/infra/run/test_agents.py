"""Which way an account's terminal is reached, by configuration."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.config import Config, ConfigError
from infra.mt5.accounts import login_of
from infra.mt5.agent.client import AgentTerminal
from infra.mt5.agent.pool import Pool
from infra.mt5.agent.pooled import PoolTerminal
from infra.mt5.remote import RemoteTerminal
from infra.run import agent as role
from tests.infra.at_work import until

ACCOUNT = "90001"


@pytest.fixture
def pools(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Pool]]:
    """The pools that are made; they end with the test."""
    made: list[Pool] = []
    pool_of = role.pool_of

    def kept(config: Config, account: str) -> Pool:
        made.append(pool_of(config, account))
        return made[-1]

    monkeypatch.setattr(role, "pool_of", kept)
    yield made
    for pool in made:
        pool.close()


def configured(home: Path, **given: str) -> Config:
    variables = {f"TAPEDECK_{name}": text for name, text in given.items()}
    return Config.load({"TAPEDECK_HOME": str(home), "TAPEDECK_ACCOUNTS": ACCOUNT, **variables})


def test_the_way_to_a_terminal_is_as_configured(tmp_path: Path, pools: list[Pool]) -> None:
    assert isinstance(role.terminal_of(configured(tmp_path), ACCOUNT), RemoteTerminal)
    local = configured(tmp_path, AGENTS="local")
    assert isinstance(role.terminal_of(local, ACCOUNT), AgentTerminal)
    far = configured(tmp_path, AGENTS=f"{ACCOUNT}=127.0.0.1:2")
    assert isinstance(role.terminal_of(far, ACCOUNT), AgentTerminal)
    assert not pools


def test_several_terminals_elsewhere_are_a_pool(tmp_path: Path, pools: list[Pool]) -> None:
    far = configured(tmp_path, AGENTS=f"{ACCOUNT}=127.0.0.1:2|127.0.0.1:3")
    assert isinstance(role.terminal_of(far, ACCOUNT), PoolTerminal)
    assert pools[0].admitted == ["127.0.0.1:2", "127.0.0.1:3"]


def test_local_terminals_are_those_whose_agents_say_where_they_are(
    tmp_path: Path, pools: list[Pool]
) -> None:
    local = configured(tmp_path, AGENTS="local", TERMINALS="1-3")
    places = tmp_path / "agents"
    places.mkdir()
    (places / f"{ACCOUNT}.address").write_text("127.0.0.1:2")
    (places / f"{ACCOUNT}-3.address").write_text("127.0.0.1:4")
    (places / f"{ACCOUNT}9.address").write_text("127.0.0.1:5")  # of another account
    assert isinstance(role.terminal_of(local, ACCOUNT), PoolTerminal)
    assert pools[0].admitted == ["127.0.0.1:2", "127.0.0.1:4"]
    assert list(role.terminals_of(local, ACCOUNT)) == ["agent 127.0.0.1:2", "agent 127.0.0.1:4"]


def test_each_terminal_can_be_looked_at_by_itself(tmp_path: Path) -> None:
    paper = configured(tmp_path)
    assert list(role.terminals_of(paper, ACCOUNT)) == [f"paper venue {paper.venue}"]
    far = configured(tmp_path, AGENTS=f"{ACCOUNT}=127.0.0.1:2|127.0.0.1:3")
    assert list(role.terminals_of(far, ACCOUNT)) == ["agent 127.0.0.1:2", "agent 127.0.0.1:3"]
    nobody = configured(tmp_path, AGENTS="local")
    assert list(role.terminals_of(nobody, ACCOUNT)) == ["agent local"]


def test_a_second_keeper_leaves_the_first_one_s_agents_where_they_are(tmp_path: Path) -> None:
    """It would take their addresses away, and nobody would find them any more."""
    config, first, at_once = configured(tmp_path), threading.Event(), threading.Event()
    at_once.set()
    place = tmp_path / "agents" / f"{login_of(ACCOUNT)}.address"
    keeping = threading.Thread(target=role.run, args=(config, first, ACCOUNT, "127.0.0.1:0"))
    keeping.start()
    try:
        until(place.exists)
        with pytest.raises(ConfigError, match=f"the agents of {ACCOUNT} are kept in"):
            role.run(config, at_once, ACCOUNT, "127.0.0.1:0")
        assert place.exists()
    finally:
        first.set()
        keeping.join()


@pytest.mark.parametrize(
    "written", [b"", b"\xff\xfe\x00", b"127.0.0.1", b"127.0.0.1:12\n\x00:7", None]
)
def test_a_file_that_names_no_address_is_nobodys(tmp_path: Path, written: bytes | None) -> None:
    """Others may write it, empty it, or take it away."""
    local = configured(tmp_path, AGENTS="local")
    place = tmp_path / "agents" / f"{ACCOUNT}.address"
    place.parent.mkdir()
    if written is None:
        place.mkdir()
    else:
        place.write_bytes(written)
    assert role.address_of(local, ACCOUNT)() == role.NOWHERE
    (terminal,) = role.terminals_of(local, ACCOUNT).values()
    assert not terminal.initialize(timeout=1_000)
    assert terminal.life() == ""
