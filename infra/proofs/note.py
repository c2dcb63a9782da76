"""Signed notes (C2SP signed-note): a text, and lines that sign it with Ed25519.

A signature by a key that nobody asked about is passed over; a bad one by a known key spoils the
whole note.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from infra.proofs.encoding import base64, check_text, decoded, unbase64
from infra.proofs.tree import ProofError

ED25519, COSIGNATURE = 0x01, 0x04
KEY_BYTES, SIGNATURE_BYTES, TIME_BYTES, ID_BYTES = 32, 64, 8, 4
SIGNATURE_BYTES_OF = {ED25519: SIGNATURE_BYTES, COSIGNATURE: TIME_BYTES + SIGNATURE_BYTES}
"""The types of keys that are known, and how long their signatures are."""
NOTE_BYTES_MAX = 1_000_000
SIGNATURES_MAX = 100
DASH = "\u2014 "


@dataclass(frozen=True, slots=True)
class Signature:
    """A line below a note: who says to have signed, with which key, and the bytes."""

    name: str
    key_id: bytes
    value: bytes

    def line(self) -> str:
        """As it stands in the note."""
        return f"{DASH}{self.name} {base64(self.key_id + self.value)}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A text that ends with a newline, and the signatures below it."""

    text: str
    signatures: tuple[Signature, ...]

    def written(self) -> str:
        """The note as it is handed on."""
        return self.text + "\n" + "".join(each.line() for each in self.signatures)

    def by(self, key: VerifierKey) -> tuple[Signature, ...]:
        """The signatures that claim to be of this key."""
        return tuple(s for s in self.signatures if (s.name, s.key_id) == (key.name, key.key_id))


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key with the name it signs under."""

    name: str
    kind: int
    public: bytes

    @property
    def key_id(self) -> bytes:
        """The four bytes by which a signature names its key."""
        return sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    def written(self) -> str:
        """`name+id+key`, as verifiers are given it."""
        return f"{self.name}+{self.key_id.hex()}+{base64(bytes([self.kind]) + self.public)}"

    def verify(self, message: bytes, signature: bytes) -> None:
        """`ProofError` unless it is this key's Ed25519 signature."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except (InvalidSignature, ValueError) as bad:
            raise ProofError(f"a signature by {self.name} is bad") from bad


@dataclass(frozen=True, slots=True)
class SignerKey:
    """A private key with its name. Its text shows no key."""

    name: str
    kind: int
    _private: Ed25519PrivateKey

    @staticmethod
    def of(name: str, kind: int, seed: bytes) -> SignerKey:
        """The key that these 32 bytes are."""
        check_name(name)
        return SignerKey(name, kind, Ed25519PrivateKey.from_private_bytes(seed))

    @property
    def public(self) -> VerifierKey:
        """What verifies it."""
        return VerifierKey(self.name, self.kind, self._private.public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        """An Ed25519 signature."""
        return self._private.sign(message)


def signed(text: str, key: SignerKey) -> Note:
    """The text under a signature of its own."""
    check_body(text)
    return Note(text, (Signature(key.name, key.public.key_id, key.sign(text.encode())),))


def opened(content: bytes) -> Note:
    """The parts of a note; nothing is verified."""
    if len(content) > NOTE_BYTES_MAX:
        raise ProofError(f"a note has at most {NOTE_BYTES_MAX} bytes")
    whole = decoded(content, "the note")
    at = whole.rfind("\n\n")
    if at < 0 or not whole.endswith("\n") or at + 2 == len(whole):
        raise ProofError("the note has no text, no blank line or no signatures that end in newline")
    text, lines = whole[: at + 1], whole[at + 2 : -1].split("\n")
    check_body(text)
    if len(set(lines)) != len(lines):
        raise ProofError("a signature stands twice in the note")
    if len(lines) > SIGNATURES_MAX:
        raise ProofError(f"a note has at most {SIGNATURES_MAX} signatures")
    return Note(text, tuple(map(signature_of, lines)))


def signature_of(line: str) -> Signature:
    """A signature line, without its newline."""
    if not line.startswith(DASH) or line.count(" ") != 2:
        raise ProofError(f"{line[:60]!r} is no signature line")
    name, _, text = line.removeprefix(DASH).partition(" ")
    check_name(name)
    value = unbase64(text, f"the signature of {name}")
    if len(value) <= ID_BYTES:
        raise ProofError(f"the signature of {name} is too short")
    return Signature(name, value[:ID_BYTES], value[ID_BYTES:])


def check(note: Note, key: VerifierKey) -> None:
    """`ProofError` unless this Ed25519 key has signed, and every signature of its is good."""
    found = note.by(key)
    if not found or key.kind != ED25519:
        raise ProofError(f"no signature by {key.name}")
    for each in found:
        key.verify(note.text.encode(), each.value)


def verifier_key(text: str) -> VerifierKey:
    """A key as `written`."""
    parts = text.split("+", 2)
    if len(parts) != 3:
        raise ProofError("a verifier key is name+id+key")
    name, key_id, encoded = parts
    check_name(name)
    raw = unbase64(encoded, f"the key of {name}")
    if len(raw) != 1 + KEY_BYTES or raw[0] not in SIGNATURE_BYTES_OF:
        raise ProofError(f"the key of {name} is of no known type")
    key = VerifierKey(name, raw[0], raw[1:])
    if key.key_id.hex() != key_id:
        raise ProofError(f"the key of {name} has the id {key.key_id.hex()}, not {key_id[:20]}")
    return key


def check_name(name: str) -> None:
    """Names of keys hold no blank and no plus."""
    check_text(name, "the name of a key")
    if not name or "+" in name or any(letter.isspace() for letter in name):
        raise ProofError(f"{name[:60]!r} cannot be the name of a key")


def check_body(text: str) -> None:
    """What can be signed: lines, the last of them ended."""
    check_text(text, "the note")
    if not text.endswith("\n") or not text.strip("\n"):
        raise ProofError("the text of a note must end in newline, and say something")


def known(keys: Sequence[VerifierKey]) -> dict[tuple[str, bytes], VerifierKey]:
    """Keys by what signatures call them."""
    return {(key.name, key.key_id): key for key in keys}
