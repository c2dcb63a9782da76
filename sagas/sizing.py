"""How much of a signal an account follows: more when it is surer, never beyond a limit."""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal

from msgspec import Struct

from events.accounts import AccountOpened, AccountReported
from events.limits import LimitsSet
from events.signals import SignalRaised
from events.values import lots

LOT_STEP = Decimal("0.01")
NONE = lots("0")


class Account(Struct, frozen=True):
    """What was known of an account when the signal came."""

    name: str
    opened: AccountOpened | None = None
    reported: AccountReported | None = None
    limits: LimitsSet | None = None
    halted: bool = False


def volume_lots(account: Account, signal: SignalRaised) -> tuple[Decimal, str]:
    """The volume of the account's leg; or zero, and why the account is left out.

    A limit is named with its value and the one that was observed.

    One lot step at the least confidence that the limits accept, the largest volume at certainty,
    a straight line between them, cut at what the open lots leave room for, rounded down.
    """
    limits, report = account.limits, account.reported
    if account.opened is None:
        return NONE, "not opened"
    if account.halted:
        return NONE, "halted"
    if limits is None:
        return NONE, "no limits"
    if report is None:
        return NONE, "never reported"
    if signal.symbol not in limits.symbols:
        return NONE, _beyond("symbols", ",".join(limits.symbols), signal.symbol)
    if not signal.confidence >= limits.confidence_min:
        return NONE, _beyond("confidence_min", limits.confidence_min, signal.confidence)
    if report.open_positions >= limits.open_positions_max:
        return NONE, _beyond("open_positions_max", limits.open_positions_max, report.open_positions)
    wanted = LOT_STEP + (limits.volume_lots_max - LOT_STEP) * _certainty(signal, limits)
    if min(wanted, limits.volume_lots_max) < LOT_STEP:
        return NONE, _beyond("volume_lots_max", limits.volume_lots_max, LOT_STEP)
    room = min(wanted, limits.open_lots_max - report.open_lots)
    if room < LOT_STEP:
        return NONE, _beyond("open_lots_max", limits.open_lots_max, report.open_lots)
    return lots(room.quantize(LOT_STEP, rounding=ROUND_FLOOR)), ""


def _beyond(limit: str, value: object, observed: object) -> str:
    return f"{limit} {value}, observed {observed}"


def _certainty(signal: SignalRaised, limits: LimitsSet) -> Decimal:
    """Where the confidence stands between the least accepted (0) and certainty (1)."""
    least = Decimal(str(limits.confidence_min))
    sure = Decimal(str(min(signal.confidence, 1.0)))
    return (sure - least) / (1 - least) if least < 1 else Decimal(1)
