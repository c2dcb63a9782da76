"""The role `agent ACCOUNT`: the keeper of one account's agent, which is a process of its own."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path

from infra.config import Config, ConfigError
from infra.mt5.accounts import login_of
from infra.mt5.agent import keys
from infra.mt5.agent.client import AgentTerminal
from infra.mt5.agent.keeper import Keeper
from infra.mt5.agent.keys import PLATFORM, agent_name
from infra.mt5.remote import RemoteTerminal
from infra.mt5.terminal import Terminal
from infra.secrets.provider import SecretsError
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
) -> None:
    """Keep the agent alive until told to stop. Without a `terminal` it is one of the venue's."""
    keeper = keeper_of(config, account, listen, terminal, secrets)
    try:
        while not stop.wait(LOOK_EVERY_S):
            keeper.look()
    finally:
        keeper.stop()


def keeper_of(
    config: Config,
    account: str,
    listen: str,
    terminal: str | None = None,
    secrets: str | None = None,
    errors: Path | None = None,
) -> Keeper:
    """The keeper of an account's agent, which writes its log to `errors`, or to where we do."""
    login = login_of(account)
    try:
        shown = keys.ensure(_keys(config), agent_name(login))
        mine = platform_keys(config)
    except SecretsError as wrong:
        raise ConfigError(str(wrong)) from wrong
    place = _place(config, login)
    place.parent.mkdir(parents=True, exist_ok=True)
    way = ["--venue", config.venue] if terminal is None else ["--terminal", terminal]
    if secrets is not None:
        way += ["--secrets", secrets, "--home", str(config.home)]

    def command(address: str) -> list[str]:
        plain = {"--login": str(login), "--listen": address, "--keys": str(shown)}
        plain["--lock"] = str(place.with_suffix(".lock"))
        words = [word for pair in plain.items() for word in pair]
        return [sys.executable, "-m", "infra.mt5.agent.process", *words, *way]

    return Keeper(login, command, mine, listen, place, errors=errors)


def terminal_of(config: Config, account: str) -> Terminal:
    """An account's terminal: behind its agent if it has one, else the paper venue's own."""
    where = config.agent_of(account)
    return (
        agent_terminal(config, account, where) if where else RemoteTerminal(config.venue, account)
    )


def agent_terminal(config: Config, account: str, where: str = LOCAL) -> AgentTerminal:
    """The terminal behind the agent of an account, on this machine or at an address."""
    return AgentTerminal(
        address_of(config, account, where), login_of(account), platform_keys(config)
    )


def address_of(config: Config, account: str, where: str = LOCAL) -> Callable[[], str]:
    """Where the agent listens, asked for at each connecting."""
    place = _place(config, login_of(account))

    def address() -> str:
        if where != LOCAL:
            return where
        return place.read_text() if place.exists() else NOWHERE

    return address


def platform_keys(config: Config) -> keys.Keys:
    """What the platform shows to agents."""
    return keys.load(keys.ensure(_keys(config), PLATFORM))


def _keys(config: Config) -> Path:
    return config.home / "keys"


def _place(config: Config, login: int) -> Path:
    """The file that says where the agent of an account listens."""
    return config.home / "agents" / f"{login}.address"
