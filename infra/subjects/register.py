"""The people of a copy: a file for each, with name and key, which only its owner reads.

It stands outside the tape and the tables, and is not to be in their backups: whoever keeps a key
keeps the person. What is erased leaves a file that says so, and when.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from infra.secrets import private
from infra.secrets.provider import SecretsError
from infra.subjects import sealing

FOLDER = "subjects"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Person:
    """A name, the pseudonym the tape has for it, and the key to what is sealed."""

    name: str
    subject: str
    key: bytes

    def seal(self, text: str) -> str:
        """Text of this person, as the tape may hold it."""
        return sealing.seal(self.subject, self.key, text)


class Register:
    """Everybody who has a key here."""

    def __init__(self, home: Path) -> None:
        self._folder = home / FOLDER

    def people(self) -> Iterator[Person]:
        """All who are not erased."""
        for file in sorted(self._folder.glob("*.key")):
            with suppress(FileNotFoundError):  # erased meanwhile
                yield _read(file)

    def named(self, name: str) -> list[Person]:
        """Who is called so: one, or more where two processes met somebody at once."""
        return [person for person in self.people() if person.name == name]

    def welcome(self, name: str) -> Person:
        """Who is called so, with a key from now on."""
        if not (known := self.named(name)):
            subject, key = sealing.new_key()
            content = json.dumps({"name": name, "key": key.hex()}).encode()
            private.write_new(self._key(subject), content)
            known = [Person(name, subject, key)]
        return known[0]

    def destroy(self, subject: str) -> None:
        """Let the key be gone from this machine, and the name with it. Again, nothing happens."""
        at = {"erased_at_us": time.time_ns() // 1_000}
        private.write_first(self._folder / f"{subject}.erased", json.dumps(at).encode())
        with suppress(FileNotFoundError):
            file = self._key(subject)
            with open(file, "r+b") as key:  # not only its name: what stood there, too
                key.write(b"\0" * file.stat().st_size)
                key.flush()
                os.fsync(key.fileno())
            file.unlink()

    def opened(self, text: str) -> str:
        """The text as its reader may see it."""
        if "sealed:" not in text:
            return text
        return sealing.opened(text, self._key_of, self._closed)

    def sealed(self, name: str) -> str:
        """How the tape writes a name; a name without a key stays as it is."""
        return next((person.seal(name) for person in self.named(name)), name)

    def erased(self, subject: str) -> bool:
        """Whether the key was destroyed here."""
        return (self._folder / f"{subject}.erased").exists()

    def _key_of(self, subject: str) -> bytes | None:
        try:
            return _read(self._key(subject)).key
        except FileNotFoundError:
            return None
        except SecretsError as unusable:
            log.warning("%s", unusable)
            return None

    def _closed(self, subject: str) -> str:
        """Erased, or another machine's, or damaged: they are not the same, and told apart."""
        if self.erased(subject):
            return f"[erased {subject}]"
        there = self._key(subject).exists()
        return f"[key {subject} {'cannot be read' if there else 'is not here'}]"

    def _key(self, subject: str) -> Path:
        return self._folder / f"{subject}.key"


def _read(file: Path) -> Person:
    """Whose file it is; `FileNotFoundError` also where the key in it is destroyed already."""
    written = private.read(file)
    if not written.strip(b"\0"):
        raise FileNotFoundError(file)
    try:
        return _told(file.stem, json.loads(written))
    except (ValueError, LookupError, TypeError) as bad:
        raise SecretsError(
            f"{file} is no key of a person ({type(bad).__name__}); put back what it was: without "
            "it, what they have typed stays closed"
        ) from None


def _told(subject: str, content: Mapping[str, str]) -> Person:
    name, key = content["name"], bytes.fromhex(content["key"])
    if not isinstance(name, str) or len(key) * 8 != sealing.KEY_BITS:
        raise ValueError(subject)
    return Person(name, subject, key)
