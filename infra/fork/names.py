"""What a fork is called, and what is known of each: a file in the home of the copy it is from."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import msgspec
from msgspec import Struct

from infra import whole
from infra.config import FORK, Config, ConfigError

NAME = r"[a-z0-9][a-z0-9-]{0,19}"
NAMESPACE_CHARACTERS_MAX = 40


class Fork(Struct, frozen=True):
    """A fork as it was made. `entries`: of the log; `whole` is false until all of it is there."""

    name: str
    namespace: str
    at: str
    whole: bool = False
    seconds: float = 0.0
    records: int = 0
    entries: int = 0
    size_bytes: int = 0


def apart(config: Config, name: str) -> Config:
    """The configuration of a fork: the same services, another namespace."""
    if not re.fullmatch(NAME, name):
        raise ConfigError(f"fork {name!r}: give up to 20 small letters, digits and dashes")
    if config.is_fork:
        raise ConfigError(f"{config.namespace} is a fork; make forks of the tape that it is from")
    namespace = ".".join(filter(None, (config.namespace, FORK + name)))
    if len(namespace) > NAMESPACE_CHARACTERS_MAX:
        raise ConfigError(f"fork {name!r}: its namespace {namespace} is too long; give less")
    return replace(config, namespace=namespace)


def known(config: Config) -> list[Fork]:
    """All forks of this copy, by name."""
    files = sorted(_folder(config).glob("*.json"))
    return [msgspec.json.decode(file.read_bytes(), type=Fork) for file in files]


def keep(config: Config, fork: Fork) -> None:
    """Note a fork, or how far it is."""
    whole.write(_folder(config) / f"{fork.name}.json", msgspec.json.encode(fork))


def forget(config: Config, name: str) -> None:
    """There is no such fork any more."""
    (_folder(config) / f"{name}.json").unlink(missing_ok=True)


def _folder(config: Config) -> Path:
    return config.home / "forks" / (config.namespace or "tapedeck")
