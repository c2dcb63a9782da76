"""Sealed files, for machines that keep no secrets: a passphrase or a key file opens them.

scrypt makes a key of a passphrase, HKDF of a key file, each with a salt of its own for each
sealing; AES-256-GCM seals, and binds the content to its account and to how the key was made.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from infra.secrets import private
from infra.secrets.provider import SecretsError, missing, unopened

VERSION = 1
KEY_BYTES, SALT_BYTES, NONCE_BYTES = 32, 16, 12
SCRYPT_COST, SCRYPT_BLOCK, SCRYPT_LANES = 1 << 17, 8, 1
"""128 MiB and a good part of a second for each guess."""

Opener = Callable[[bytes], bytes]
"""From a salt to the key that it makes."""


class Sealed(msgspec.Struct, frozen=True, array_like=True):
    """What stands in a file."""

    version: int
    opened_by: str
    salt: bytes
    nonce: bytes
    content: bytes


def by_passphrase(passphrase: Callable[[], str]) -> tuple[str, Opener]:
    """What a person knows; asked for when it is needed."""

    def key(salt: bytes) -> bytes:
        derived = Scrypt(salt, KEY_BYTES, SCRYPT_COST, SCRYPT_BLOCK, SCRYPT_LANES)
        return derived.derive(passphrase().encode())

    return f"scrypt {SCRYPT_COST} {SCRYPT_BLOCK} {SCRYPT_LANES}", key


def by_key_file(file: Path) -> tuple[str, Opener]:
    """What lies in a file of its own, best on another disk than what it opens."""

    def key(salt: bytes) -> bytes:
        try:
            held = private.read(file)
        except FileNotFoundError as wrong:
            raise SecretsError(f"there is no key file {file}") from wrong
        if len(held) != KEY_BYTES:
            raise SecretsError(f"{file} is no key file: it has {len(held)} bytes, not {KEY_BYTES}")
        return HKDF(SHA256(), KEY_BYTES, salt, b"tapedeck credential").derive(held)

    return "key file", key


def make_key_file(file: Path) -> None:
    """A new key, unless there is one."""
    if not file.exists():
        private.write_first(file, secrets.token_bytes(KEY_BYTES))


class SealedFiles:
    """`Provider` over one file per account."""

    name = "file"

    def __init__(self, folder: Path, opened_by: tuple[str, Opener]) -> None:
        self._folder = folder
        self._opened_by, self._key = opened_by

    def seal(self, account: str, plain: bytes) -> None:
        """Write the account's file anew."""
        salt, nonce = secrets.token_bytes(SALT_BYTES), secrets.token_bytes(NONCE_BYTES)
        bound = self._bound(account, salt)
        content = AESGCM(self._key(salt)).encrypt(nonce, plain, bound)
        sealed = Sealed(VERSION, self._opened_by, salt, nonce, content)
        private.write(self._file(account), msgspec.msgpack.encode(sealed))

    def unseal(self, account: str) -> bytes:
        """Open the account's file."""
        file = self._file(account)
        try:
            sealed = msgspec.msgpack.decode(private.read(file), type=Sealed)
        except FileNotFoundError as none:
            raise missing(account, str(self._folder)) from none
        except msgspec.MsgspecError as wrong:
            raise unopened(account, str(file)) from wrong
        if (sealed.version, sealed.opened_by) != (VERSION, self._opened_by):
            raise SecretsError(f"{file} is opened by {sealed.opened_by}, not by {self._opened_by}")
        bound = self._bound(account, sealed.salt)
        try:
            return AESGCM(self._key(sealed.salt)).decrypt(sealed.nonce, sealed.content, bound)
        except (InvalidTag, ValueError) as wrong:
            raise unopened(account, str(file)) from wrong

    def opened_by(self, account: str) -> str:
        """What opens the account's file, as it says itself; nothing if there is none."""
        try:
            return msgspec.msgpack.decode(private.read(self._file(account)), type=Sealed).opened_by
        except FileNotFoundError:
            return ""
        except msgspec.MsgspecError as wrong:
            raise unopened(account, str(self._file(account))) from wrong

    def _file(self, account: str) -> Path:
        return self._folder / f"{account}.sealed"

    def _bound(self, account: str, salt: bytes) -> bytes:
        return msgspec.msgpack.encode((VERSION, self._opened_by, salt, account))
