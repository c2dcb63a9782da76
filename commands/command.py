"""The type of every command: a wish, addressed to one aggregate."""

from __future__ import annotations

from events.envelope import Event


class Command(Event, frozen=True, kw_only=True):
    """Something that is wanted. On the wire it is written exactly as an event is."""
