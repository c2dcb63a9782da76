"""What is chosen otherwise than it was live: a model, limits, accounts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import InvalidOperation
from typing import Any

from msgspec.structs import replace

from events.envelope import Message
from events.limits import LimitsSet
from events.values import lots
from infra.config import Config, ConfigError
from infra.models import files

EVERYONE = ""
LIVE = "as it was"


@dataclass(frozen=True, slots=True)
class Choices:
    """What is other than live; None or nothing where it is as it was.

    `limits` holds, by account or for everyone, fields of `LimitsSet`.
    """

    model: str | None = None
    limits: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    accounts: frozenset[str] | None = None

    def of_context(self, known: Sequence[Message[Any]]) -> list[Message[Any]]:
        """What was known of accounts when a signal came, had the choices been these."""
        chosen = (m for m in known if self.follows(getattr(m.event, "account", None)))
        return [self._limited(message) for message in chosen]

    def follows(self, account: str | None) -> bool:
        """Whether an account takes part; None is no account."""
        return account is None or self.accounts is None or account in self.accounts

    def _limited(self, message: Message[Any]) -> Message[Any]:
        event = message.event
        if not isinstance(event, LimitsSet):
            return message
        changed = {**self.limits.get(EVERYONE, {}), **self.limits.get(event.account, {})}
        return replace(message, event=replace(event, **changed)) if changed else message

    def told(self) -> dict[str, str]:
        """In words, for a heading."""
        limits = [
            f"{account + ':' if account else ''}{name}={_text(value)}"
            for account, changed in self.limits.items()
            for name, value in changed.items()
        ]
        return {
            "model": self.model or LIVE,
            "limits": " ".join(limits) or LIVE,
            "accounts": LIVE if self.accounts is None else ",".join(sorted(self.accounts)),
        }


def chosen(
    config: Config, model: str | None, limits: Sequence[str], accounts: str | None
) -> Choices:
    """What was asked for on the command line; `ConfigError` of what cannot be."""
    if model is None and not limits and accounts is None:
        raise ConfigError("nothing is chosen; give --model, --limits or --accounts")
    named = None if accounts is None else frozenset(filter(None, accounts.split(",")))
    known = ", ".join(config.accounts)
    of_limits: dict[str, dict[str, Any]] = {}
    for text in limits:
        account, name, value = _limit(text)
        of_limits.setdefault(account, {})[name] = value
    for account in (*(named or ()), *filter(None, of_limits)):
        if account not in config.accounts:
            raise ConfigError(f"no account {account!r}; there are {known}")
    if named is not None and not named:
        raise ConfigError(f"--accounts names none; there are {known}")
    return Choices(None if model is None else _model(config, model), of_limits, named)


def _model(config: Config, text: str) -> str:
    """The one model in the store whose digest begins so."""
    found = sorted(path.stem for path in files.folder(config).glob(f"{text}*.ubj"))
    if len(found) != 1:
        there = sorted(path.stem[:12] for path in files.folder(config).glob("*.ubj"))
        raise ConfigError(
            f"--model {text}: {len(found)} models begin so; there are {', '.join(there) or 'none'}"
        )
    return found[0]


def _limit(text: str) -> tuple[str, str, Any]:
    """`[ACCOUNT:]NAME=VALUE`."""
    whose, equals, value = text.partition("=")
    account, _, name = whose.rpartition(":")
    name = name.replace("-", "_")
    if not equals or name not in _READ:
        raise ConfigError(f"--limits {text}: give [ACCOUNT:]NAME=VALUE; names: {', '.join(_READ)}")
    try:
        return account, name, _READ[name](value)
    except (ValueError, InvalidOperation):
        raise ConfigError(f"--limits {text}: {value!r} is no {name}") from None


def _count(text: str) -> int:
    if not text.isdecimal():
        raise ValueError(text)
    return int(text)


def _lots(text: str) -> Any:
    volume = lots(text)
    if volume < 0:
        raise ValueError(text)
    return volume


def _share(text: str) -> float:
    share = float(text)
    if not 0.0 <= share <= 1.0:
        raise ValueError(text)
    return share


def _names(text: str) -> tuple[str, ...]:
    return tuple(filter(None, text.split(",")))


def _text(value: Any) -> str:
    return ",".join(value) if isinstance(value, tuple) else str(value)


_READ = {
    "volume_lots_max": _lots,
    "open_lots_max": _lots,
    "open_positions_max": _count,
    "confidence_min": _share,
    "signal_age_ms_max": _count,
    "symbols": _names,
}
