"""The keys of the logs: one secret, sealed with the other secrets; of it one key for each log."""

from __future__ import annotations

import secrets
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from infra.proofs.note import COSIGNATURE, ED25519, KEY_BYTES, SignerKey
from infra.secrets import private
from infra.secrets.file import SealedFiles, by_key_file
from infra.secrets.provider import SecretsError
from infra.secrets.vault import key_file

SEALED_AS = "proofs"
TOP = "checkpoints"
"""The log of the other logs' checkpoints."""


class LogKeys:
    """Signs for every log of this copy, under a name and a key of its own."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        public = SignerKey.of("copy", ED25519, self._seed(TOP)).public.public
        self._copy = f"tapedeck.local/{sha256(public).hexdigest()[:12]}"

    def origin(self, log: str) -> str:
        """What a log is called everywhere: no other copy's log is called so."""
        return f"{self._copy}/{log}"

    def of(self, log: str) -> SignerKey:
        """The key of a log, which bears its name."""
        return SignerKey.of(self.origin(log), ED25519, self._seed(log))

    def _seed(self, log: str) -> bytes:
        info = b"tapedeck log\n" + log.encode()
        return HKDF(SHA256(), KEY_BYTES, None, info).derive(self._secret)


def log_keys(home: Path, *, make: bool = False) -> LogKeys:
    """The keys of a copy; only who signs may `make` them."""
    sealed = SealedFiles(home / "secrets", by_key_file(key_file(home)))
    if make and not (home / "secrets" / f"{SEALED_AS}.sealed").exists():
        sealed.seal(SEALED_AS, secrets.token_bytes(KEY_BYTES))
    return LogKeys(sealed.unseal(SEALED_AS))


def witness_key(folder: Path, name: str) -> SignerKey:
    """A witness's key in its own folder, made when it is first asked for."""
    file = folder / "witness.key"
    try:
        seed = private.read(file)
    except FileNotFoundError:
        private.write_first(file, secrets.token_bytes(KEY_BYTES))
        seed = private.read(file)
    if len(seed) != KEY_BYTES:
        raise SecretsError(f"{file} is no key of a witness")
    return SignerKey.of(f"{name}.witness.tapedeck.local", COSIGNATURE, seed)
