"""The role `agent ACCOUNT`: the keeper of one account's agents, each a process of its own."""

from __future__ import annotations

import random
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.config import Config, ConfigError
from infra.mt5.accounts import login_of
from infra.mt5.agent import keys
from infra.mt5.agent.client import AgentLink, AgentPulse, AgentTerminal
from infra.mt5.agent.crew import Crew
from infra.mt5.agent.keeper import Keeper
from infra.mt5.agent.keys import PLATFORM, agent_name
from infra.mt5.agent.pool import Pool
from infra.mt5.agent.pooled import PoolLink, PoolTerminal
from infra.mt5.agent.process import alone
from infra.mt5.agent.scaling import Bounds
from infra.mt5.remote import DEADLINE_S, RemoteTerminal
from infra.mt5.terminal import Terminal
from infra.observe import telemetry
from infra.secrets import private
from infra.secrets.asking import proven
from infra.secrets.provider import SecretsError
from infra.secrets.vault import wants_passphrase
from infra.settings import BESIDE, LOCAL, TERMINALS_MAX

LOOK_EVERY_S = 0.5
PORT_MAX = 65_535
NOWHERE = "127.0.0.1:1"
"""Where nobody listens: the address of an agent that has not started."""


@dataclass(frozen=True, slots=True)
class Means:
    """What an account's agents are opened with: a terminal (`None`: the venue's), where its
    credential is and what opens that, a bundle of keys where the platform's are not."""

    terminal: str | None = None
    secrets: str | None = None
    passphrase: str = ""
    bundle: str | None = None


OF_THE_VENUE = Means()


def run(
    config: Config,
    stop: threading.Event,
    account: str,
    listen: str,
    terminal: str | None = None,
    secrets: str | None = None,
    bundle: str | None = None,
) -> None:
    """Keep agents alive until told to stop. Without a `terminal` it is one of the venue's.

    A terminal has one agent; of the venue's there are as many as the configuration and orders say.
    `bundle` holds an agent's keys, on a machine that is not the platform's.
    """
    config.may_reach_terminals()
    _check_listen(listen)
    bounds = Bounds(*config.terminals) if terminal is None else Bounds()
    try:
        means = Means(terminal, secrets, asked_for(config, account, secrets), bundle)
    except SecretsError as wrong:
        raise ConfigError(str(wrong)) from wrong

    def keeper(number: int) -> Keeper:
        where = listen if number == 1 else f"{listen.rpartition(':')[0]}:0"
        return keeper_of(config, account, where, means, number=number)

    with _keeping(config, account):
        _forget(config, account)
        crew = Crew(keeper, bounds)
        try:
            while not stop.wait(LOOK_EVERY_S):
                crew.look()
                telemetry.AT_WORK.labels(f"agents/{account}").set(crew.well)
        finally:
            crew.stop()


def _check_listen(listen: str) -> None:
    host, _, port = listen.rpartition(":")
    if not host or not port.isdecimal() or int(port) > PORT_MAX:
        raise ConfigError(f"--listen is {listen!r}; give HOST:PORT, port 0 for any")


@contextmanager
def _keeping(config: Config, account: str) -> Iterator[None]:
    """Be the account's only keeper: another would take its agents' addresses away."""
    path = _place(config, login_of(account)).with_suffix(".keeper")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as lock:
        if not alone(lock):
            raise ConfigError(
                f"the agents of {account} are kept in {config.home} already; stop that, or keep "
                "others in another TAPEDECK_HOME"
            )
        yield


def _forget(config: Config, account: str) -> None:
    """Where the agents of a keeper before us were: they went with it."""
    for number in range(1, TERMINALS_MAX + 1):
        _place(config, login_of(account), number).unlink(missing_ok=True)


def keeper_of(
    config: Config,
    account: str,
    listen: str,
    means: Means = OF_THE_VENUE,
    errors: Path | None = None,
    number: int = 1,
) -> Keeper:
    """The keeper of an account's agent, which writes its log to `errors`, or to where we do.

    `number` tells the agents of the account apart.
    """
    login = login_of(account)
    try:
        shown, mine = shown_and_kept(config, login, means.bundle)
    except SecretsError as wrong:
        raise ConfigError(str(wrong)) from wrong
    place = _place(config, login, number)
    place.parent.mkdir(parents=True, exist_ok=True)
    way = _way(config, means)

    def command(address: str) -> list[str]:
        plain = {"--login": str(login), "--listen": address, "--keys": str(shown)}
        plain["--heartbeat-s"] = str(config.health_every_s)
        plain["--lock"] = str(place.with_suffix(".lock"))
        words = [word for pair in plain.items() for word in pair]
        return [sys.executable, "-m", "infra.mt5.agent.process", *words, *way]

    passphrase = means.passphrase
    return Keeper(login, command, mine, listen, place, errors=errors, passphrase=passphrase)


def _way(config: Config, means: Means) -> list[str]:
    """An agent's words for its terminal and its credential."""
    terminal = means.terminal
    way = ["--venue", config.venue] if terminal is None else ["--terminal", terminal]
    if means.secrets is not None:
        way += ["--secrets", means.secrets, "--home", str(config.home)]
    return [*way, "--passphrase"] if means.passphrase else way


def shown_and_kept(config: Config, login: int, bundle: str | None) -> tuple[Path, keys.Keys]:
    """The file of what an agent shows, and what its keeper feels its pulse with."""
    if bundle is None:
        return keys.ensure(_keys(config), agent_name(login)), platform_keys(config)
    return Path(bundle), keys.load_bundle(Path(bundle), login)[1]


def asked_for(config: Config, account: str, secrets: str | None) -> str:
    """The passphrase of the account's credential, if it has one: asked once, for all its agents."""
    if secrets is None or not wants_passphrase(secrets, config.home, account):
        return ""
    private.no_dumps()
    return proven(account, config.home)


def terminal_of(config: Config, account: str) -> Terminal:
    """An account's terminal: behind its agent if it has one, else the paper venue's own."""
    config.may_reach_terminals()
    where = config.agent_of(account)
    if not where:
        return RemoteTerminal(config.venue, account)
    if BESIDE in where or config.terminals != (1, 1):
        return pool_terminal(config, account, pool_of(config, account))
    return agent_terminal(config, account, where)


def terminals_of(config: Config, account: str) -> dict[str, Terminal]:
    """Each of the account's terminals by itself, by the words for where it is."""
    config.may_reach_terminals()
    where, login = config.agent_of(account), login_of(account)
    if not where:
        return {f"paper venue {config.venue}": RemoteTerminal(config.venue, account)}
    found = _listening(config, login) if where == LOCAL else where.split(BESIDE)
    return {f"agent {at}": agent_terminal(config, account, at) for at in found or [where]}


def pool_of(config: Config, account: str) -> Pool:
    """What is known of the account's terminals. It looks after them until it is closed."""
    where, login, mine = config.agent_of(account), login_of(account), platform_keys(config)

    def addresses() -> list[str]:
        return _listening(config, login) if where == LOCAL else where.split(BESIDE)

    def feel(address: str) -> AgentPulse:
        return AgentPulse(address, login, mine)

    return Pool(addresses, feel, DEADLINE_S, random.Random(login))


def pool_terminal(config: Config, account: str, pool: Pool) -> PoolTerminal:
    """One caller's way to all of the account's terminals."""
    return PoolTerminal(PoolLink(pool, lambda address: agent_link(config, account, address)))


def agent_link(config: Config, account: str, address: str) -> AgentLink:
    """A link to the agent at an address."""
    return AgentLink(lambda: address, login_of(account), platform_keys(config), DEADLINE_S)


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
        return _told(place) or NOWHERE

    return address


def platform_keys(config: Config) -> keys.Keys:
    """What the platform shows to agents."""
    return keys.load(keys.ensure(_keys(config), PLATFORM))


def _keys(config: Config) -> Path:
    return config.home / "keys"


def _place(config: Config, login: int, number: int = 1) -> Path:
    """The file that says where an agent of the account listens."""
    name = f"{login}" if number == 1 else f"{login}-{number}"
    return config.home / "agents" / f"{name}.address"


def _listening(config: Config, login: int) -> list[str]:
    """Where the account's agents listen now, the first one first."""
    found: list[str] = []
    for number in range(1, TERMINALS_MAX + 1):
        if address := _told(_place(config, login, number)):
            found.append(address)
    return found


def _told(place: Path) -> str:
    """The address that a keeper has written there; nothing if it is gone, or is not one.

    Keepers write while others read, and disks fail: the next look may find it whole.
    """
    try:
        address = place.read_text()
    except (OSError, UnicodeDecodeError):
        return ""
    host, _, port = address.rpartition(":")
    return address if host and port.isdecimal() and address.isprintable() else ""
