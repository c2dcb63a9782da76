"""An agent on another machine: what it is given serves its account and nothing else."""

from __future__ import annotations

import argparse
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.cli import account as cli_account
from infra.config import Config, ConfigError
from infra.embedded.process import free_ports
from infra.mt5 import constants as mt5
from infra.mt5.agent import keys
from infra.mt5.agent.client import AgentPulse, AgentTerminal
from infra.mt5.agent.keys import PLATFORM, agent_name
from infra.mt5.agent.owner import Account, Owner
from infra.mt5.agent.server import AgentServer
from infra.mt5.simulator.clock import RealClock
from infra.mt5.venue import VenueServer
from infra.secrets.provider import SecretsError
from tests.infra.mt5 import worlds
from tests.infra.mt5.agent.stand import agent, caller, stage
from tests.infra.mt5.worlds import LOGIN, OTHER

ACCOUNT = str(LOGIN)
LIMIT_S = 30.0


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """The platform's machine."""
    return Config.load({"TAPEDECK_HOME": str(tmp_path / "platform")})


@pytest.fixture
def bundle(config: Config, tmp_path: Path) -> Path:
    """As `tapedeck account NAME keys -o FILE` writes it."""
    file = tmp_path / "elsewhere" / "agent.keys"
    assert exported(config, file) == 0
    return file


def exported(config: Config, file: Path) -> int:
    parser = argparse.ArgumentParser()
    cli_account.configure(parser)
    return cli_account.main(config, parser.parse_args([ACCOUNT, "keys", "-o", str(file)]))


def platform(config: Config) -> keys.Keys:
    return keys.load(keys.ensure(config.home / "keys", PLATFORM))


def test_a_bundle_is_for_its_owners_eyes_and_holds_no_key_of_the_issuer(
    config: Config, bundle: Path
) -> None:
    assert stat.S_IMODE(bundle.stat().st_mode) == 0o600
    issuer = keys.load(config.home / "keys" / "issuer.pem")
    text = bundle.read_bytes()
    assert issuer.certificate in text
    assert issuer.key not in text
    assert platform(config).key not in text
    with pytest.raises(ConfigError, match="is there already; give another name"):
        exported(config, bundle)
    assert bundle.read_bytes() == text


def test_its_agent_serves_its_account(config: Config, bundle: Path) -> None:
    shown, _ = keys.load_bundle(bundle, LOGIN)
    with (
        stage() as terminal,
        agent(terminal, shown) as server,
        caller(server, keys=platform(config)) as client,
    ):
        assert client.initialize(), client.last_error()
        info = client.account_info()
        assert info is not None
        assert info.login == LOGIN


def test_its_agent_cannot_serve_another_account(config: Config, bundle: Path) -> None:
    """Who means the other account insists on that account's certificate."""
    shown, _ = keys.load_bundle(bundle, LOGIN)
    with (
        stage() as terminal,
        agent(terminal, shown) as server,
        caller(server, 5.0, platform(config), OTHER) as client,
    ):
        assert not client.initialize()
        assert client.last_error()[0] == mt5.RES_E_INTERNAL_FAIL_INIT
    with pytest.raises(
        SecretsError, match=f"holds the keys of agent-{LOGIN}, not of agent-{OTHER}"
    ):
        keys.load_bundle(bundle, OTHER)


def test_its_keeper_feels_the_pulse_of_its_agent_and_may_do_nothing_else(
    config: Config, bundle: Path
) -> None:
    shown, kept = keys.load_bundle(bundle, LOGIN)
    with stage() as terminal, agent(terminal, shown) as server:
        asking = AgentPulse(server.address, LOGIN, kept)
        assert asking.take(LIMIT_S) is not None
        asking.close()
        for stranger in (kept, shown):  # an agent's certificate does not even call
            with caller(server, 5.0, stranger) as client:
                assert not client.initialize()
        assert terminal.called == []
        with caller(server, keys=platform(config)) as client:
            assert client.initialize()


def test_the_keeper_of_one_agent_cannot_even_feel_anothers_pulse(
    config: Config, bundle: Path
) -> None:
    other = keys.load(keys.ensure(config.home / "keys", agent_name(OTHER)))
    _, kept = keys.load_bundle(bundle, LOGIN)
    with stage() as terminal:
        port: Any = terminal
        server = AgentServer(Owner(port, Account(OTHER)), OTHER, other)
        for mine, felt in ((kept, False), (platform(config), True)):
            asking = AgentPulse(server.address, OTHER, mine)
            assert (asking.take(LIMIT_S) is not None) is felt
            asking.close()
        server.close()


def test_keys_of_an_agent_alone_are_no_bundle(config: Config, tmp_path: Path) -> None:
    file = keys.ensure(config.home / "keys", agent_name(LOGIN))
    with pytest.raises(SecretsError, match=f"is no bundle: `tapedeck account {LOGIN} keys`"):
        keys.load_bundle(file, LOGIN)
    empty = tmp_path / "empty"
    empty.touch(0o600)
    with pytest.raises(SecretsError, match="holds no keys"):
        keys.load_bundle(empty, LOGIN)


@pytest.fixture
def venue() -> Iterator[VenueServer]:
    server = VenueServer(worlds.broker_of(worlds.settings(), RealClock()), "127.0.0.1", 0)
    yield server
    server.close()


def test_the_role_runs_on_a_machine_that_has_the_bundle_alone(
    config: Config, bundle: Path, venue: VenueServer
) -> None:
    port = free_ports(1)[0]
    home = bundle.parent / "home"
    given = {"HOME": str(home), "PORT_VENUE": venue.address.rpartition(":")[2]}
    told = {**os.environ, **{f"TAPEDECK_{name}": text for name, text in given.items()}}
    words = ["run", "agent", ACCOUNT, "--keys", str(bundle), "--listen", f"127.0.0.1:{port}"]
    role = subprocess.Popen([sys.executable, "-m", "infra.cli.main", *words], env=told)
    terminal = AgentTerminal(lambda: f"127.0.0.1:{port}", LOGIN, platform(config), 5.0)
    try:
        until_s = time.monotonic() + LIMIT_S
        while not terminal.initialize():
            assert time.monotonic() < until_s, terminal.last_error()
            time.sleep(0.1)
        assert terminal.account_info() is not None
        assert not (home / "keys").exists()
    finally:
        terminal.shutdown()
        role.send_signal(signal.SIGTERM)
        role.wait()
