"""What a copy of Tapedeck is told: `TAPEDECK_*` variables, checked before anything starts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from infra.settings import (
    LOCAL,
    PORT_OFFSETS,
    PREFIX,
    READ_ELSEWHERE,
    SETTINGS,
    Setting,
)

PASSWORD_FILE = "postgres.password"
FORK = "fork-"
"""How the last part of a fork's namespace begins."""


class ConfigError(ValueError):
    """A setting that cannot be used. One line: the variable, its value, what to give."""


@dataclass(frozen=True, slots=True)
class Ports:
    """The loopback ports of one copy. Role number n serves its metrics on `metrics + n`."""

    kafka: int
    controller: int
    postgres: int
    registry: int
    venue: int
    api: int
    witness: int
    notary: int
    metrics: int


@dataclass(frozen=True, slots=True)
class Config:
    """The effective configuration. Immutable; a role gets the same one through `environment()`."""

    home: Path
    cache: Path
    kafka: str
    postgres: str
    registry: str
    external: frozenset[str]  # those of kafka, postgres, registry that were given as an address
    namespace: str
    ports: Ports
    accounts: tuple[str, ...]
    agents: tuple[str, ...]  # `local`, or of each account `login=host:port|host:port`
    terminals: tuple[int, int]  # the least and the most of an account, where they are local
    symbols: tuple[str, ...]
    seed: int
    log_level: str
    otlp: str
    health_every_s: int

    @staticmethod
    def load(environ: Mapping[str, str]) -> Config:
        given = {k.removeprefix(PREFIX): v for k, v in environ.items() if k.startswith(PREFIX)}
        _refuse_unknown(given)
        value = {setting.name: _parsed(setting, given) for setting in SETTINGS}
        ports = _ports(value)
        home = value["HOME"]
        return Config(
            home=home,
            cache=value["CACHE"],
            kafka=value["KAFKA"] or f"127.0.0.1:{ports.kafka}",
            postgres=value["POSTGRES"] or embedded_dsn(home, ports.postgres),
            registry=value["REGISTRY"] or f"http://127.0.0.1:{ports.registry}",
            external=frozenset(n for n in ("kafka", "postgres", "registry") if value[n.upper()]),
            namespace=value["NAMESPACE"],
            ports=ports,
            accounts=value["ACCOUNTS"],
            agents=_agents_of(value["AGENTS"], value["ACCOUNTS"]),
            terminals=_terminals_of(value["TERMINALS"], value["AGENTS"]),
            symbols=value["SYMBOLS"],
            seed=value["SEED"],
            log_level=value["LOG_LEVEL"],
            otlp=value["OTLP"],
            health_every_s=value["HEALTH_EVERY_S"],
        )

    def agent_of(self, account: str) -> str:
        """Where the account's agents listen: `local`, addresses, or nothing if it has none."""
        if self.agents == (LOCAL,):
            return LOCAL
        return dict(part.split("=", 1) for part in self.agents).get(account, "")

    @property
    def is_fork(self) -> bool:
        """Whether this is a copy to play with, which must never reach a terminal."""
        return self.namespace.rpartition(".")[2].startswith(FORK)

    def may_reach_terminals(self) -> None:
        """`ConfigError` where no terminal may be reached, whoever asks."""
        self.must_be_no_fork("nothing in it reaches a terminal")

    def must_be_no_fork(self, because: str) -> None:
        """`ConfigError` in a copy to play with: keys, witnesses and people are the original's."""
        if self.is_fork:
            raise ConfigError(f"{PREFIX}NAMESPACE is {self.namespace}, a fork: {because}")

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def venue(self) -> str:
        return f"127.0.0.1:{self.ports.venue}"

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.ports.api}"

    def environment(self) -> dict[str, str]:
        """The variables that give a child process this same configuration."""
        plain = {
            "HOME": str(self.home),
            "CACHE": str(self.cache),
            "KAFKA": self.kafka,
            "POSTGRES": self.postgres,
            "REGISTRY": self.registry,
            "NAMESPACE": self.namespace,
            "ACCOUNTS": ",".join(self.accounts),
            "AGENTS": ",".join(self.agents),
            "TERMINALS": "-".join(str(number) for number in dict.fromkeys(self.terminals)),
            "SYMBOLS": ",".join(self.symbols),
            "SEED": str(self.seed),
            "LOG_LEVEL": self.log_level,
            "OTLP": self.otlp,
            "HEALTH_EVERY_S": str(self.health_every_s),
        }
        ports = {f"PORT_{name.upper()}": str(port) for name, port in asdict(self.ports).items()}
        return {PREFIX + name: text for name, text in {**plain, **ports}.items() if text}


def embedded_dsn(home: Path, port: int, database: str = "tapedeck") -> str:
    """Address of the embedded Postgres. Its password is made with it and kept in the home."""
    file = home / PASSWORD_FILE
    password = f":{file.read_text().strip()}" if file.exists() else ""
    return f"postgresql://tapedeck{password}@127.0.0.1:{port}/{database}"


def without_password(dsn: str) -> str:
    """The address as it may be shown."""
    return re.sub(r"//([^:/@]+):[^@]*@", r"//\1@", dsn)


def _refuse_unknown(given: Mapping[str, str]) -> None:
    known = [setting.name for setting in SETTINGS]
    for name in sorted(set(given) - set(known) - READ_ELSEWHERE):
        near = get_close_matches(name, known, n=1)
        hint = f"did you mean {PREFIX}{near[0]}?" if near else "`tapedeck config` lists all of them"
        raise ConfigError(f"{PREFIX}{name} is not a setting of Tapedeck; {hint}")


def _parsed(setting: Setting, given: Mapping[str, str]) -> Any:
    text = given.get(setting.name) or setting.default
    try:
        return setting.parse(text)
    except ValueError as wrong:
        raise ConfigError(f"{setting.variable} is {text!r}; {wrong}") from None


def _ports(value: Mapping[str, Any]) -> Ports:
    base = value["PORT_BASE"]
    ports = Ports(**{n: value[f"PORT_{n.upper()}"] or base + o for n, o in PORT_OFFSETS.items()})
    taken: dict[int, str] = {}
    for name, port in asdict(ports).items():
        if port in taken:
            raise ConfigError(
                f"{PREFIX}PORT_{name.upper()} is {port}, the port of {taken[port]}; give another"
            )
        taken[port] = name
    return ports


def _agents_of(agents: tuple[str, ...], accounts: tuple[str, ...]) -> tuple[str, ...]:
    """The agents, which must be those of the accounts."""
    named = sorted(part.partition("=")[0] for part in agents)
    if agents not in ((), (LOCAL,)) and named != sorted(accounts):
        raise ConfigError(
            f"{PREFIX}AGENTS names {', '.join(named)}; give an agent for each of {PREFIX}ACCOUNTS, "
            f"{', '.join(accounts)}, or {LOCAL}"
        )
    return agents


def _terminals_of(terminals: tuple[int, int], agents: tuple[str, ...]) -> tuple[int, int]:
    """How many there are of an account, which only those who start them can choose."""
    if terminals != (1, 1) and agents != (LOCAL,):
        raise ConfigError(
            f"{PREFIX}TERMINALS is for {PREFIX}AGENTS={LOCAL}; elsewhere name each terminal, as "
            f"{PREFIX}AGENTS=90001=host:port|host:port"
        )
    return terminals
