"""The variables of a copy: what each means, how its text becomes a value, what holds without it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
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
    "witness": 6,
    "notary": 7,
    "metrics": 10,
}
METRICS_PORTS = 40  # one per role, counted from the metrics port
READ_ELSEWHERE = {"FAULT", "SHIM"}  # by infra/fault.py and infra/mt5/shim
LOCAL = "local"
"""Where the agents of all accounts are: here, as roles of `up`."""
BESIDE = "|"
"""Between the agents of one account, whose terminals share its work."""
TERMINALS_MAX = 5


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


def _seconds(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 3_600:
        raise ValueError("give a whole number of seconds from 1 to 3600")
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


def _agents(text: str) -> tuple[str, ...]:
    if text in ("", LOCAL):
        return (text,) if text else ()
    parts = tuple(part.strip() for part in text.split(","))
    for part in parts:
        login, _, address = part.partition("=")
        if not re.fullmatch(r"\d{1,18}", login) or not address:
            raise ValueError(f"give {LOCAL}, or 90001=host:port for each account")
        addresses = address.split(BESIDE)
        if len(set(addresses)) != len(addresses) or "" in addresses:
            raise ValueError(f"give each terminal once, as 90001=host:port{BESIDE}host:port")
        _hosts(",".join(addresses))
    return parts


def _bounds(text: str) -> tuple[int, int]:
    least, _, most = text.partition("-")
    numbers = (least, most or least)
    if not all(number.isdecimal() for number in numbers):
        raise ValueError("give a number of terminals, or the least and the most, as 1-3")
    bounds = int(numbers[0]), int(numbers[1])
    if not 1 <= bounds[0] <= bounds[1] <= TERMINALS_MAX:
        raise ValueError(f"give 1 to {TERMINALS_MAX} terminals, the least first, as 1-3")
    return bounds


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
        "AGENTS",
        "agents of the terminals: local, or login=host:port|host:port each; else the paper venue's",
        _agents,
        "",
    ),
    Setting(
        "TERMINALS",
        "local terminals per account: a number, or least-most, which follows the signals",
        _bounds,
        "1",
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
    Setting(
        "HEALTH_EVERY_S",
        "seconds between two heartbeats of an agent, which looks whether its terminal could trade",
        _seconds,
        "30",
    ),
)
