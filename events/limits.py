"""What an account is allowed to do."""

from __future__ import annotations

from events.envelope import Event
from events.values import Lots


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
