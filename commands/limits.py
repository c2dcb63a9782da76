"""The limits of an account: each setting is a version."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import asdict, replace

from commands.command import Command
from commands.decider import Decider
from events.limits import QUOTE_AGE_MS_MAX, LimitsSet
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
    quote_age_ms_max: int = QUOTE_AGE_MS_MAX


LimitCommand = SetLimits
COMMANDS = (SetLimits,)


class Limits(Struct, frozen=True):
    """The setting in force, if any."""

    latest: LimitsSet | None = None


def decide(command: LimitCommand, limits: Limits) -> tuple[LimitsSet, ...]:
    """A setting like the one in force is not a new version."""
    latest = limits.latest
    version = 1 if latest is None else latest.version
    wanted = LimitsSet(**asdict(command), version=version)
    if wanted == latest:
        return ()
    return (wanted if latest is None else replace(wanted, version=version + 1),)


def evolve(_: Limits, event: LimitsSet) -> Limits:
    """The setting after the event."""
    return Limits(event)


LIMITS: Decider[LimitCommand, Limits, LimitsSet] = Decider(
    name="limits",
    commands=COMMANDS,
    events=(LimitsSet,),
    stream=lambda command: command.account,
    initial=Limits(),
    decide=decide,
    evolve=evolve,
)
