"""The role `agent ACCOUNT`: the keeper of one account's agent, which is a process of its own."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from infra.config import Config, ConfigError
from infra.mt5.accounts import login_of
from infra.mt5.agent import keys
from infra.mt5.agent.client import AgentTerminal
from infra.mt5.agent.keeper import Keeper
from infra.mt5.agent.keys import PLATFORM, agent_name
from infra.mt5.remote import RemoteTerminal
from infra.mt5.terminal import Terminal
from infra.secrets import private
from infra.secrets.asking import proven
from infra.secrets.provider import SecretsError
from infra.secrets.vault import wants_passphrase
from infra.settings import LOCAL

LOOK_EVERY_S = 0.5
NOWHERE = "127.0.0.1:1"
"""Where nobody listens: the address of an agent that has not started."""


def run(
    config: Config,
    stop: threading.Event,
    account: str,
    listen: str,
    terminal: str | None = None,
    secrets: str | None = None,
    bundle: str | None = None,
) -> None:
    """Keep the agent alive until told to stop. Without a `terminal` it is one of the venue's.

    `bundle` holds its keys, on a machine that is not the platform's.
    """
    login = login_of(account)
    try:
        shown, mine = shown_and_kept(config, login, bundle)
        passphrase = asked_for(config, account, secrets)
    except SecretsError as wrong:
        raise ConfigError(str(wrong)) from wrong
    place = _place(config, login)
    place.parent.mkdir(parents=True, exist_ok=True)
    way = ["--venue", config.venue] if terminal is None else ["--terminal", terminal]
    if secrets is not None:
        way += ["--secrets", secrets, "--home", str(config.home)]
    if passphrase:
        way += ["--passphrase"]

    def command(address: str) -> list[str]:
        plain = {"--login": str(login), "--listen": address, "--keys": str(shown)}
        plain["--heartbeat-s"] = str(config.health_every_s)
        plain["--lock"] = str(place.with_suffix(".lock"))
        words = [word for pair in plain.items() for word in pair]
        return [sys.executable, "-m", "infra.mt5.agent.process", *words, *way]

    keeper = Keeper(login, command, mine, listen, place, passphrase=passphrase)
    try:
        while not stop.wait(LOOK_EVERY_S):
            keeper.look()
    finally:
        keeper.stop()


def shown_and_kept(config: Config, login: int, bundle: str | None) -> tuple[Path, keys.Keys]:
    """The file of what an agent shows, and what its keeper feels its pulse with."""
    if bundle is None:
        return keys.ensure(_keys(config), agent_name(login)), _platform_keys(config)
    return Path(bundle), keys.load_bundle(Path(bundle), login)[1]


def asked_for(config: Config, account: str, secrets: str | None) -> str:
    """The passphrase of the account's credential, if it has one: asked once, for all its agents."""
    if secrets is None or not wants_passphrase(secrets, config.home, account):
        return ""
    private.no_dumps()
    return proven(account, config.home)


def terminal_of(config: Config, account: str) -> Terminal:
    """An account's terminal: behind its agent if it has one, else the paper venue's own."""
    where = config.agent_of(account)
    return (
        agent_terminal(config, account, where) if where else RemoteTerminal(config.venue, account)
    )


def agent_terminal(config: Config, account: str, where: str = LOCAL) -> AgentTerminal:
    """The terminal behind the agent of an account, on this machine or at an address."""
    login = login_of(account)
    place = _place(config, login)

    def address() -> str:
        if where != LOCAL:
            return where
        return place.read_text() if place.exists() else NOWHERE

    return AgentTerminal(address, login, _platform_keys(config))


def _platform_keys(config: Config) -> keys.Keys:
    return keys.load(keys.ensure(_keys(config), PLATFORM))


def _keys(config: Config) -> Path:
    return config.home / "keys"


def _place(config: Config, login: int) -> Path:
    """The file that says where the agent of an account listens."""
    return config.home / "agents" / f"{login}.address"
