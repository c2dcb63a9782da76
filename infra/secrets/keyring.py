"""The keyring of the desktop, where one is installed with its Python package."""

from __future__ import annotations

from base64 import b64decode, b64encode
from importlib import import_module
from typing import Any

from infra.secrets.provider import SecretsError, missing, unopened

SERVICE = "tapedeck"


class Keyring:
    """`Provider` over the keyring that the operating system has."""

    name = "keyring"

    def __init__(self) -> None:
        try:
            self._keyring: Any = import_module("keyring")
        except ModuleNotFoundError as none:
            raise SecretsError("there is no keyring here; give another provider") from none

    def seal(self, account: str, plain: bytes) -> None:
        """Give it to the keyring."""
        self._asked("set_password", account, b64encode(plain).decode())

    def unseal(self, account: str) -> bytes:
        """Get it from the keyring."""
        held = self._asked("get_password", account)
        if held is None:
            raise missing(account, "the keyring")
        try:
            return b64decode(held, validate=True)
        except ValueError as wrong:
            raise unopened(account, "the keyring") from wrong

    def _asked(self, function: str, account: str, *given: str) -> Any:
        """What the keyring answers; whatever it raises may hold what it was given."""
        try:
            return getattr(self._keyring, function)(SERVICE, account, *given)
        except Exception as wrong:
            kind = type(wrong).__name__
            raise SecretsError(f"the keyring failed for {account}: {kind}") from None
