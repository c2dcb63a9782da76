"""The limits of an account: each setting is a version."""

from __future__ import annotations

from commands.command import Command
from events.values import Lots


class SetLimits(Command, frozen=True, kw_only=True):
    """These limits are to be in force."""

    account: str
    volume_lots_max: Lots
    open_lots_max: Lots
    open_positions_max: int
    confidence_min: float
    signal_age_ms_max: int
    symbols: tuple[str, ...]


LimitCommand = SetLimits
COMMANDS = (SetLimits,)
