"""What a requested order is judged by: every limit with the figure allowed and the one observed."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from commands.orders import RequestOrder


class Check(NamedTuple):
    """One limit, in the words and figures that a refusal will carry."""

    limit: str
    allowed: str
    observed: str
    kept: bool


def broken(order: RequestOrder) -> Check | None:
    """The first limit that the order breaks; None if it may be sent.

    An order that closes a position takes no new risk. Only what makes any order senseless can
    refuse it: a compensation must never fail for a limit that it helps to keep.
    """
    return next((check for check in _checks(order) if not check.kept), None)


def _checks(order: RequestOrder) -> Iterator[Check]:
    asked_us, until_us = order.requested_at_us, order.expires_at_us
    yield Check(
        "volume_lots_min", "above 0", _text(order.volume_lots), order.volume_lots > Decimal(0)
    )
    yield Check("expires_at_us", str(until_us), str(asked_us), asked_us <= until_us)
    if order.closes_position is None:
        yield from _checks_of_new_risk(order)


def _checks_of_new_risk(order: RequestOrder) -> Iterator[Check]:
    yield Check("halted", "false", str(order.halted).lower(), not order.halted)
    yield Check("limits_version", "1 or more", str(order.limits_version), order.limits_version >= 1)
    allowed = order.symbols_allowed
    yield Check("symbols", ",".join(allowed), order.symbol, order.symbol in allowed)
    least, sure = order.confidence_min, order.confidence
    yield Check("confidence_min", repr(least), repr(sure), sure >= least)
    age_ms, age_ms_max = _age_ms(order), order.signal_age_ms_max
    yield Check("signal_age_ms_max", str(age_ms_max), str(age_ms), age_ms <= age_ms_max)
    volume, volume_max = order.volume_lots, order.volume_lots_max
    yield Check("volume_lots_max", _text(volume_max), _text(volume), volume <= volume_max)
    total, total_max = order.open_lots + order.volume_lots, order.open_lots_max
    yield Check("open_lots_max", _text(total_max), _text(total), total <= total_max)
    count, count_max = order.open_positions + 1, order.open_positions_max
    yield Check("open_positions_max", str(count_max), str(count), count <= count_max)


def _age_ms(order: RequestOrder) -> int:
    """Rounded up, so that an age just above the limit does not pass."""
    return -((order.signal_at_us - order.requested_at_us) // 1_000)


def _text(volume: Decimal) -> str:
    return f"{volume:f}"
