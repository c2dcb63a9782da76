"""Credentials with a lease: sealed together with the moment from which they are of no use."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from infra.secrets.dpapi import Dpapi
from infra.secrets.file import SealedFiles, by_key_file, by_passphrase, make_key_file
from infra.secrets.keyring import Keyring
from infra.secrets.provider import PROVIDERS, Provider, SecretsError, unopened

LEASE_S = 24 * 60 * 60


class LeaseOverError(SecretsError):
    """The credential is whole, and its time is over: whoever knows it must seal it anew."""


class _Record(msgspec.Struct, frozen=True, array_like=True):
    account: str
    password: str
    server: str
    sealed_at_us: int
    lease_until_us: int


@dataclass(frozen=True, slots=True)
class Credential:
    """What logs an account in. Its text shows no password."""

    account: str
    server: str
    lease_until_us: int
    _password: Callable[[], str] = field(compare=False, repr=False)

    @property
    def password(self) -> str:
        """Only for whoever logs in, right then."""
        return self._password()


class Vault:
    """Seals and opens credentials at a provider's."""

    def __init__(self, provider: Provider, now_us: Callable[[], int] | None = None) -> None:
        self._provider = provider
        self._now_us = now_us or (lambda: time.time_ns() // 1_000)

    @property
    def provider(self) -> str:
        """Who keeps them."""
        return self._provider.name

    def rotate(self, account: str, password: str, server: str = "") -> Credential:
        """Seal this credential in place of the one before; its lease begins now."""
        now_us = self._now_us()
        record = _Record(account, password, server, now_us, now_us + LEASE_S * 1_000_000)
        self._provider.seal(account, msgspec.msgpack.encode(record))
        return self.credential(account)

    def credential(self, account: str) -> Credential:
        """The account's, if its lease is not over."""
        record = self._record(account)
        now_us = self._now_us()
        if record.account != account:
            raise unopened(account, self.provider)
        if not record.sealed_at_us <= now_us < record.lease_until_us:
            raise LeaseOverError(
                f"the lease of the credential of {account} is over; "
                f"seal it anew: `tapedeck account {account} credential`"
            )
        return Credential(account, record.server, record.lease_until_us, lambda: record.password)

    def _record(self, account: str) -> _Record:
        """What was sealed. Nothing of it may stand in an error."""
        plain = self._provider.unseal(account)
        try:
            return msgspec.msgpack.decode(plain, type=_Record)
        except msgspec.MsgspecError:
            raise unopened(account, self.provider) from None


def vault(provider: str, home: Path, passphrase: Callable[[], str] | None = None) -> Vault:
    """The vault of a copy. A provider that is not there is an error: there is no second choice.

    Sealed files are opened by the copy's key file, or by the passphrase if one is given.
    """
    folder = home / "secrets"
    if passphrase is not None and provider != "file":
        raise SecretsError(f"{provider} takes no passphrase; only file does")
    match provider:
        case "file" if passphrase is not None:
            return Vault(SealedFiles(folder, by_passphrase(passphrase)))
        case "file":
            return Vault(SealedFiles(folder, by_key_file(key_file(home))))
        case "dpapi":
            return Vault(Dpapi(folder))
        case "keyring":
            return Vault(Keyring())
        case _:
            raise SecretsError(f"no provider {provider!r}; there are {', '.join(PROVIDERS)}")


def wants_passphrase(provider: str, home: Path, account: str) -> bool:
    """Whether the account's credential was sealed by a passphrase."""
    if provider != "file":
        return False
    opened_by = by_passphrase(str)
    return SealedFiles(home / "secrets", opened_by).opened_by(account) == opened_by[0]


def key_file(home: Path) -> Path:
    """What opens the sealed files of a copy; made when it is first asked for."""
    file = home / "keys" / "secrets.key"
    make_key_file(file)
    return file
