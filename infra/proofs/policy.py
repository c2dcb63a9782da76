"""Whom to believe (C2SP tlog-policy): the logs, the witnesses, and how many of these are enough."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from infra.proofs import cosignature, note
from infra.proofs.checkpoint import Checkpoint
from infra.proofs.checkpoint import check as check_checkpoint
from infra.proofs.encoding import number
from infra.proofs.note import COSIGNATURE, ED25519, Note, VerifierKey
from infra.proofs.tree import ProofError

NONE = "none"


@dataclass(frozen=True, slots=True)
class Witness:
    """One whose cosignature counts; asked at `url`, if there is one."""

    name: str
    key: VerifierKey
    url: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """At least `least` of these members: witnesses, or other groups."""

    least: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy that has been read. `quorum` names a witness or a group, or is `none`."""

    logs: tuple[VerifierKey, ...] = ()
    witnesses: tuple[Witness, ...] = ()
    groups: dict[str, Group] = field(default_factory=dict)
    quorum: str = NONE

    def reached(self, seen: Collection[str]) -> bool:
        """Whether the witnesses of these names are enough."""
        return self.quorum == NONE or self._holds(self.quorum, seen)

    def accepted(self, content: bytes, now_s: int) -> tuple[Checkpoint, Note]:
        """The checkpoint, if a log of ours has signed it and enough witnesses have seen it."""
        found = note.opened(content)
        origin = found.text.split("\n", 1)[0]
        for key in self.logs:
            if key.name == origin:
                checkpoint, _ = check_checkpoint(content, key)
                seen = self.seen(found, now_s)
                if not self.reached(seen):
                    raise ProofError(f"seen by {len(seen)} witnesses, which is not enough")
                return checkpoint, found
        raise ProofError(f"{origin} is no log that is believed here")

    def seen(self, found: Note, now_s: int) -> dict[str, int]:
        """Which witnesses have seen the checkpoint, and when (UTC seconds)."""
        seen: dict[str, int] = {}
        for witness in self.witnesses:
            for each in found.by(witness.key):
                seen[witness.name] = cosignature.check(found, each, witness.key, now_s)
        return seen

    def _holds(self, name: str, seen: Collection[str]) -> bool:
        group = self.groups.get(name)
        if group is None:
            return name in seen
        return sum(self._holds(member, seen) for member in group.members) >= group.least


def read(text: str) -> Policy:
    """The policy in a file's text; `ProofError` names the line that cannot be used."""
    if re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text):
        raise ProofError("a policy holds a control character")
    reader = _Reader()
    for line in text.split("\n"):
        words = re.split(r"[ \t]+", line.strip(" \t"))
        if words[0] and not words[0].startswith("#"):
            reader.take(words)
    if reader.quorum is None:
        raise ProofError("a policy needs one quorum line")
    return Policy(tuple(reader.logs), tuple(reader.witnesses), reader.groups, reader.quorum)


def with_logs(text: str, keys: Iterable[str]) -> str:
    """The policy that believes these logs too; every other line stands as its owner wrote it.

    A log that is believed under another key is a `ProofError`: a person has to say which is right.
    """
    believed = {key.name: key for key in read(text).logs}
    added = []
    for key in map(note.verifier_key, keys):
        if key.name not in believed:
            added.append(f"log {key.written()}\n")
        elif believed[key.name] != key:
            raise ProofError(f"the policy believes {key.name} under another key: remove that line")
    return "".join(added) + text


@dataclass
class _Reader:
    """The lines that have been read so far."""

    logs: list[VerifierKey] = field(default_factory=list)
    witnesses: list[Witness] = field(default_factory=list)
    groups: dict[str, Group] = field(default_factory=dict)
    quorum: str | None = None
    grouped: set[str] = field(default_factory=set)

    def take(self, words: list[str]) -> None:
        match words:
            case ["log", key, *url] if len(url) <= 1:
                self._log(note.verifier_key(key))
            case ["witness", name, key, *url] if len(url) <= 1:
                self._witness(name, note.verifier_key(key), "".join(url))
            case ["group", name, least, *members] if members:
                self._group(name, least, tuple(members))
            case ["quorum", name] if self.quorum is None and (name == NONE or self._known(name)):
                self.quorum = name
            case _:
                raise ProofError(f"a policy cannot say {' '.join(words)[:80]!r} here")

    def _log(self, key: VerifierKey) -> None:
        if key.kind != ED25519 or any(key.public == other.public for other in self.logs):
            raise ProofError(f"{key.name} is no key of another log")
        self.logs.append(key)

    def _witness(self, name: str, key: VerifierKey, url: str) -> None:
        keys = {witness.key.public for witness in self.witnesses}
        if key.kind != COSIGNATURE or key.public in keys:
            raise ProofError(f"{name} has no key of another witness")
        if url and not _can_be_asked(url):
            raise ProofError(f"{name} cannot be asked at {url[:80]!r}; give http(s)://host:port")
        self._new(name)
        self.witnesses.append(Witness(name, key, url))

    def _group(self, name: str, least: str, members: tuple[str, ...]) -> None:
        if not all(map(self._known, members)) or self.grouped & set(members):
            raise ProofError(f"the group {name} has members that are unknown or of another group")
        if len(set(members)) != len(members):
            raise ProofError(f"the group {name} names a member twice")
        count = {"any": 1, "all": len(members)}.get(least)
        count = number(least, f"the least of {name}") if count is None else count
        if not 1 <= count <= len(members):
            raise ProofError(f"the group {name} of {len(members)} cannot need {count}")
        self._new(name)
        self.grouped |= set(members)
        self.groups[name] = Group(count, members)

    def _new(self, name: str) -> None:
        if name == NONE or self._known(name):
            raise ProofError(f"the name {name} is taken")

    def _known(self, name: str) -> bool:
        return name in self.groups or any(name == each.name for each in self.witnesses)


def _can_be_asked(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # of the port
        return False
