"""Whoever is logged in, as the tape knows them: nothing that they are called, or type, is plain."""

from __future__ import annotations

import getpass
import uuid
from dataclasses import dataclass

from infra.config import Config, ConfigError
from infra.secrets.provider import SecretsError
from infra.subjects.register import Person, Register

OPERATOR = "operator/"


@dataclass(frozen=True, slots=True)
class Operator:
    """A person at work, in whose name messages are given."""

    person: Person

    @property
    def actor(self) -> str:
        """Who did it, in an envelope: the same person is the same actor."""
        return OPERATOR + self.person.seal(self.person.name)

    def source(self) -> str:
        """A source of its own for one message: it repeats no other."""
        return f"{OPERATOR}{self.person.subject}/{uuid.uuid4().hex}"

    def seal(self, text: str) -> str:
        """What was typed, as the tape may hold it."""
        return self.person.seal(text)


def logged_in(config: Config) -> Operator:
    """Whoever is; with a key from now on."""
    try:
        return Operator(Register(config.home).welcome(getpass.getuser()))
    except (SecretsError, OSError) as wrong:
        raise ConfigError(f"the register of people: {wrong}") from wrong
