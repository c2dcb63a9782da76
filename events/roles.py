"""The processes that decide: when one began, and in what environment."""

from __future__ import annotations

from events.envelope import Event


class RoleStarted(Event, frozen=True, kw_only=True):
    """A role began: what the bits of its decisions may depend on, fact by fact, and their digest.

    Its decisions name the digest.
    """

    role: str
    environment_digest: str
    facts: tuple[str, ...]
    values: tuple[str, ...]
