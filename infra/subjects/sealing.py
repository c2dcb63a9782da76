"""Text under a person's key, as a word that can stand wherever text can.

AES-SIV (RFC 5297): the same text of the same person is the same word, so that what is told twice is
known as a repeat, and who did two things is known as the same. Nothing else can be told from it.
"""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Callable
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

KEY_BITS = 512
SEALED = re.compile(r"sealed:([0-9a-f]{16}):([A-Za-z0-9_-]{22,})")
KeyOf = Callable[[str], bytes | None]
"""The key of a subject; none if it is not here."""


def new_key() -> tuple[str, bytes]:
    """A key, and the pseudonym of whoever it is for: it tells nothing of either."""
    key = AESSIV.generate_key(KEY_BITS)
    return secrets.token_hex(8), key


def digest_of(key: bytes) -> str:
    """What may be told of a key."""
    return sha256(b"tapedeck subject\n" + key).hexdigest()[:16]


def seal(subject: str, key: bytes, text: str) -> str:
    """The text as a word that only the key opens; it is bound to the subject."""
    sealed = AESSIV(key).encrypt(text.encode(), [subject.encode()])
    return f"sealed:{subject}:{base64.urlsafe_b64encode(sealed).decode().rstrip('=')}"


def opened(text: str, key_of: KeyOf, closed: Callable[[str], str]) -> str:
    """The text with every sealed word in it opened; where there is no key, what `closed` tells."""

    def plain(found: re.Match[str]) -> str:
        subject, word = found.groups()
        key = key_of(subject)
        if key is None:
            return closed(subject)
        try:
            content = base64.urlsafe_b64decode(word + "=" * (-len(word) % 4))
            return AESSIV(key).decrypt(content, [subject.encode()]).decode()
        except (InvalidTag, ValueError):
            return f"[not sealed by {subject}]"

    return SEALED.sub(plain, text)
