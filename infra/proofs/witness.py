"""A witness's judgement (C2SP tlog-witness): is this log still the one that was seen before?

Pure but for its memory, whose `replace` is a compare-and-swap that is safe on disk when it returns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from infra.proofs import cosignature
from infra.proofs.checkpoint import Checkpoint
from infra.proofs.checkpoint import check as check_checkpoint
from infra.proofs.encoding import base64, decoded, number, unhash
from infra.proofs.note import SignerKey, VerifierKey
from infra.proofs.tree import EMPTY, PATH_MAX, ProofError, check_consistency

OK, BAD_REQUEST, FORBIDDEN, NOT_FOUND, CONFLICT, UNPROCESSABLE = 200, 400, 403, 404, 409, 422
SIZE_TYPE, TEXT_TYPE = "text/x.tlog.size", "text/plain; charset=utf-8"
OLD = "old "


class Memory(Protocol):
    """What a witness has seen, for ever."""

    def seen(self, origin: str) -> tuple[int, bytes]:
        """Size and root of the newest checkpoint of a log; 0 and the root of nothing at first."""

    def replace(self, old: tuple[int, bytes], checkpoint: Checkpoint, note: bytes) -> bool:
        """Keep this checkpoint if `old` is still the newest; safe on disk before it returns."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer."""

    status: int
    body: str = ""
    kind: str = TEXT_TYPE


@dataclass(frozen=True, slots=True)
class Request:
    """An `add-checkpoint` request."""

    old: int
    path: tuple[bytes, ...]
    checkpoint: bytes

    def written(self) -> bytes:
        """Its body."""
        lines = [f"{OLD}{self.old}", *map(base64, self.path), ""]
        return "".join(line + "\n" for line in lines).encode() + self.checkpoint


def read(body: bytes) -> Request:
    """The request in a body."""
    head, blank, checkpoint = decoded(body, "the request").partition("\n\n")
    first, *lines = head.split("\n")
    if not blank or not first.startswith(OLD) or len(lines) > PATH_MAX:
        raise ProofError(f"a request is `old N`, at most {PATH_MAX} hashes, a blank line, a note")
    old = number(first.removeprefix(OLD), "the old size")
    path = tuple(unhash(line, "a hash of the request") for line in lines)
    return Request(old, path, checkpoint.encode())


def judged(
    body: bytes, logs: Mapping[str, VerifierKey], memory: Memory, key: SignerKey, now_s: int
) -> Answer:
    """What the witness answers; with 200 it has remembered before it says so."""
    try:
        request = read(body)
        origin = request.checkpoint.decode().split("\n", 1)[0]
    except ProofError as wrong:
        return Answer(BAD_REQUEST, f"{wrong}\n")
    if origin not in logs:
        return Answer(NOT_FOUND, "no such log\n")
    try:
        checkpoint, note = check_checkpoint(request.checkpoint, logs[origin])
    except ProofError as wrong:
        return Answer(FORBIDDEN, f"{wrong}\n")
    if request.old > checkpoint.size:
        return Answer(BAD_REQUEST, "the old size is above the new\n")
    before = memory.seen(origin)
    if request.old != before[0]:
        return _conflict(before[0])
    try:
        check_consistency(*before, checkpoint.size, checkpoint.root, request.path)
    except ProofError as wrong:
        return Answer(UNPROCESSABLE, f"{wrong}\n")
    if not memory.replace(before, checkpoint, request.checkpoint):
        return _conflict(memory.seen(origin)[0])
    return Answer(OK, cosignature.cosigned(note, key, now_s).line())


def _conflict(size: int) -> Answer:
    return Answer(CONFLICT, f"{size}\n", SIZE_TYPE)


NOTHING = (0, EMPTY)
"""What has been seen of a log that was never shown."""
