"""What is let onto the tape only to be missed where it does not come out."""

from __future__ import annotations

from events.envelope import Event


class CanarySent(Event, frozen=True, kw_only=True):
    """A canary set out. Wherever the tape is folded one comes by a moment later, or work stands.

    `sent_at_us`: by the sender's clock, in UTC microseconds. `sender`: who let it go.
    """

    sender: str
    sent_at_us: int
