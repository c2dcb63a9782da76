"""What a copy of Tapedeck is told: `TAPEDECK_*` variables, checked before anything starts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

PREFIX = "TAPEDECK_"
PORT_BASE, PORT_MAX = 7400, 65_535
PORT_OFFSETS = {
    "kafka": 0,
    "controller": 1,
    "postgres": 2,
    "registry": 3,
    "venue": 4,
    "api": 5,
    "metrics": 10,
}
METRICS_PORTS = 40  # one per role, counted from the metrics port
READ_ELSEWHERE = {"FAULT"}  # by infra/fault.py: where a test wants a role to die
PASSWORD_FILE = "postgres.password"


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
    metrics: int


@dataclass(frozen=True, slots=True)
class Setting:
    """One variable: what it means, how its text becomes a value, what holds when it is absent."""

    name: str
    meaning: str
    parse: Callable[[str], Any]
    default: str

    @property
    def variable(self) -> str:
        return PREFIX + self.name


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
    symbols: tuple[str, ...]
    seed: int
    log_level: str
    otlp: str

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
            symbols=value["SYMBOLS"],
            seed=value["SEED"],
            log_level=value["LOG_LEVEL"],
            otlp=value["OTLP"],
        )

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
            "SYMBOLS": ",".join(self.symbols),
            "SEED": str(self.seed),
            "LOG_LEVEL": self.log_level,
            "OTLP": self.otlp,
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


def _port(text: str) -> int:
    if not text:
        return 0
    highest = PORT_MAX - METRICS_PORTS - max(PORT_OFFSETS.values())
    if not text.isdecimal() or not 1024 <= int(text) <= highest:
        raise ValueError(f"give a port between 1024 and {highest}")
    return int(text)


def _number(text: str) -> int:
    if not text.isdecimal():
        raise ValueError("give a whole number, 0 or more")
    return int(text)


def _folder(text: str) -> Path:
    path = Path(text).expanduser().absolute()
    if path.exists() and not path.is_dir():
        raise ValueError("give a folder; this is a file")
    if "," in str(path):
        raise ValueError("give a folder without a comma: Kafka takes it for two")
    return path


def _names(pattern: str, example: str) -> Callable[[str], tuple[str, ...]]:
    def parse(text: str) -> tuple[str, ...]:
        names = tuple(part.strip() for part in text.split(","))
        if len(set(names)) != len(names) or not all(re.fullmatch(pattern, name) for name in names):
            raise ValueError(f"give different names separated by commas, as in {example}")
        return names

    return parse


def _text(pattern: str, advice: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text and not re.fullmatch(pattern, text):
            raise ValueError(f"give {advice}")
        return text

    return parse


def _url(*schemes: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text and (urlsplit(text).scheme not in schemes or not urlsplit(text).hostname):
            raise ValueError(f"give an address that begins with {schemes[0]}:// and names a host")
        try:
            _ = urlsplit(text).port
        except ValueError:
            raise ValueError(f"give an address whose port is a number up to {PORT_MAX}") from None
        return text.rstrip("/")

    return parse


def _hosts(text: str) -> str:
    for each in text.split(",") if text else ():
        host, _, port = each.rpartition(":")
        if not re.fullmatch(r"[\w.-]+", host) or not re.fullmatch(r"\d{1,5}", port):
            raise ValueError("give host:port")
        if not 0 < int(port) <= PORT_MAX:
            raise ValueError(f"give host:port, with a port up to {PORT_MAX}")
    return text


def _logins(text: str) -> tuple[str, ...]:
    names = _names(r"\d{1,18}", "90001,90002,90003")(text)
    if len({int(name) for name in names}) != len(names) or "0" in {name[0] for name in names}:
        raise ValueError("give different numbers that do not begin with 0, as 90001,90002,90003")
    return names


SETTINGS: tuple[Setting, ...] = (
    Setting("HOME", "folder of all state: data, logs, run.json", _folder, ".tapedeck"),
    Setting("CACHE", "folder of downloads that copies share", _folder, "~/.cache/tapedeck"),
    Setting("KAFKA", "brokers to use instead of the embedded one", _hosts, ""),
    Setting("POSTGRES", "database to use instead of ours", _url("postgresql", "postgres"), ""),
    Setting("REGISTRY", "schema registry to use instead of ours", _url("http", "https"), ""),
    Setting(
        "NAMESPACE",
        "prefix of topics, groups and ids",
        _text(r"[a-z0-9][a-z0-9.-]{0,39}", "up to 40 small letters, digits, dots, dashes"),
        "",
    ),
    Setting(
        "ACCOUNTS",
        "logins that trade, one gateway each",
        _logins,
        "90001,90002,90003",
    ),
    Setting(
        "SYMBOLS",
        "symbols on the tape",
        _names(r"[A-Z0-9._#-]{2,31}", "EURUSD,XAUUSD"),
        "EURUSD,GBPUSD,USDJPY,AUDUSD,USDCHF,XAUUSD",
    ),
    Setting("SEED", "seed of the simulated market", _number, "7"),
    Setting(
        "LOG_LEVEL",
        "what roles write to their logs",
        _text("debug|info|warning|error", "one of debug, info, warning, error"),
        "info",
    ),
    Setting("OTLP", "OpenTelemetry collector; empty: traces stay off", _url("http", "https"), ""),
    Setting("PORT_BASE", "first port of this copy", _port, str(PORT_BASE)),
    *(Setting(f"PORT_{n.upper()}", f"port of {n}", _port, "") for n in PORT_OFFSETS),
)
