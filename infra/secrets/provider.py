"""Where sealed credentials can be kept, as a port, and what goes wrong there."""

from __future__ import annotations

from typing import Protocol

PROVIDERS = ("file", "dpapi", "keyring")


class SecretsError(RuntimeError):
    """A credential that cannot be had. One line: whose, and what to do. Never its content."""


class Provider(Protocol):
    """Keeps one sealed text per account. What it holds is of no use elsewhere."""

    name: str

    def seal(self, account: str, plain: bytes) -> None:
        """Keep this instead of what is there. Either all of it is kept, or nothing has changed."""

    def unseal(self, account: str) -> bytes:
        """What was sealed for the account, or `SecretsError`."""


def missing(account: str, place: str) -> SecretsError:
    """Nothing was sealed for the account."""
    return SecretsError(f"no credential of {account} in {place}; seal one")


def unopened(account: str, place: str) -> SecretsError:
    """It was sealed by another key or user, for another account, or is no longer whole."""
    return SecretsError(
        f"the credential of {account} in {place} cannot be opened here: another key or user "
        "sealed it, or it was changed; seal it anew"
    )
