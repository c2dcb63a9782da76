"""What an account is allowed to do."""

from __future__ import annotations

from events.envelope import Event
from events.values import Lots

QUOTE_AGE_MS_MAX = 60_000
"""A quote that has stood for so long is of a feed that has stopped, or of a closed market."""


class LimitsSet(Event, frozen=True, kw_only=True):
    """These limits are in force for the account from now on."""

    account: str
    version: int
    volume_lots_max: Lots
    open_lots_max: Lots
    open_positions_max: int
    confidence_min: float
    signal_age_ms_max: int
    symbols: tuple[str, ...]
    quote_age_ms_max: int = QUOTE_AGE_MS_MAX
