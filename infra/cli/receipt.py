"""What a command is told when it was decided: how to ask for answers that know of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from events.envelope import Message
from read_api.receipts import PARAMETER


def receipt(decided: str | Sequence[Message[Any]]) -> str:
    """A line about a command's place on the tape, or about what was decided; none of nothing."""
    what = decided if isinstance(decided, str) else _last(decided)
    return f"  what was decided is in every answer to ?{PARAMETER}={what}" if what else ""


def _last(decided: Sequence[Message[Any]]) -> str:
    return decided[-1].envelope.message_id if decided else ""
