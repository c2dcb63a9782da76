"""Numbers and bytes as text, in the one way that is allowed: what reads them reads nothing else."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error
from pathlib import Path

from infra.proofs.tree import HASH_BYTES, SIZE_MAX, ProofError

_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


def number(text: str, what: str) -> int:
    """A decimal without sign, blank or leading zero, below 2^63."""
    if not _NUMBER.fullmatch(text) or int(text) > SIZE_MAX:
        raise ProofError(f"{what} is {text[:40]!r}; it must be a plain decimal below 2^63")
    return int(text)


def base64(data: bytes) -> str:
    """Standard base64 with padding."""
    return b64encode(data).decode()


def unbase64(text: str, what: str) -> bytes:
    """What standard base64 says; refused if it could be written in another way."""
    try:
        data = b64decode(text.encode("ascii"), validate=True)
    except (Error, UnicodeEncodeError) as wrong:
        raise ProofError(f"{what} is no base64") from wrong
    if base64(data) != text:
        raise ProofError(f"{what} is not in the one base64 form of its bytes")
    return data


def text_of(file: Path) -> str:
    """What stands in a file; `FileNotFoundError` if it is not there."""
    try:
        return file.read_text()
    except UnicodeDecodeError:
        raise ProofError(f"{file} is damaged: it is no text; put back what it was") from None


def unhash(text: str, what: str) -> bytes:
    """A hash in base64."""
    found = unbase64(text, what)
    if len(found) != HASH_BYTES:
        raise ProofError(f"{what} has {len(found)} bytes, not {HASH_BYTES}")
    return found


def check_text(text: str, what: str) -> None:
    """Refuse control characters (a line may end only in a newline) and what is no Unicode text."""
    if any((letter < " " and letter != "\n") or letter == "\x7f" for letter in text):
        raise ProofError(f"{what} holds a control character")


def decoded(content: bytes, what: str) -> str:
    """UTF-8 without control characters."""
    try:
        text = content.decode()
    except UnicodeDecodeError as wrong:
        raise ProofError(f"{what} is not UTF-8") from wrong
    check_text(text, what)
    return text
