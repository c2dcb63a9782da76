"""Windows seals under the user's own login: what is copied elsewhere, or read by another, is shut.

The entropy binds each blob to its account. DPAPI knows no expiry: that is in what is sealed.
"""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

from infra.secrets import private
from infra.secrets.provider import SecretsError, missing, unopened

UI_FORBIDDEN = 1


class Blob(ctypes.Structure):
    """The system's DATA_BLOB."""

    _fields_ = (("size", ctypes.c_uint32), ("data", ctypes.POINTER(ctypes.c_char)))


class Dpapi:
    """`Provider` over one blob per account. `system` is what seals, by default Windows."""

    name = "dpapi"

    def __init__(self, folder: Path, system: Any = None) -> None:
        self._folder = folder
        self._system = system or _windows()

    def seal(self, account: str, plain: bytes) -> None:
        """Have the system seal it, for this user alone."""
        sealed = self._called("CryptProtectData", account, plain)
        if sealed is None:
            raise SecretsError(f"Windows did not seal the credential of {account}")
        private.write(self._file(account), sealed)

    def unseal(self, account: str) -> bytes:
        """Have the system open it, if this user had it sealed."""
        try:
            sealed = private.read(self._file(account))
        except FileNotFoundError as none:
            raise missing(account, str(self._folder)) from none
        plain = self._called("CryptUnprotectData", account, sealed)
        if plain is None:
            raise unopened(account, str(self._file(account)))
        return plain

    def _called(self, function: str, account: str, given: bytes) -> bytes | None:
        data, entropy, answer = _blob(given), _blob(f"tapedeck {account}".encode()), Blob()
        done = getattr(self._system.crypt32, function)(
            ctypes.byref(data),
            None,
            ctypes.byref(entropy),
            None,
            None,
            UI_FORBIDDEN,
            ctypes.byref(answer),
        )
        if not done:
            return None
        try:
            return ctypes.string_at(answer.data, answer.size)
        finally:
            ctypes.memset(answer.data, 0, answer.size)
            self._system.kernel32.LocalFree(answer.data)

    def _file(self, account: str) -> Path:
        return self._folder / f"{account}.dpapi"


def _blob(content: bytes) -> Blob:
    held = ctypes.create_string_buffer(content, len(content))
    return Blob(len(content), ctypes.cast(held, ctypes.POINTER(ctypes.c_char)))


def _windows() -> Any:
    system = getattr(ctypes, "windll", None)
    if system is None:
        raise SecretsError("DPAPI is of Windows; give another provider here")
    return system
