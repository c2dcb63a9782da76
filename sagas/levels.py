"""The prices that a signal's order names: its reference, its stop and its target."""

from __future__ import annotations

from math import isfinite

from events.signals import SignalRaised
from events.values import Price, Side, price

PRICE_MIN, PRICE_MAX = 1e-8, 1e9


def senseless(signal: SignalRaised) -> str:
    """What of a signal names no price; empty if all does. An order without its stop is no order."""
    stop, take = levels(signal)
    if _level(signal.price_reference) is None:
        return "price_reference"
    if signal.stop_distance and stop is None:
        return "stop_distance"
    return "take_distance" if signal.take_distance and take is None else ""


def levels(signal: SignalRaised) -> tuple[Price | None, Price | None]:
    """The prices of stop and target; None for what is not wanted, or is no price."""
    towards = 1 if signal.side is Side.BUY else -1
    return (
        _distant(signal.price_reference, -towards, signal.stop_distance),
        _distant(signal.price_reference, towards, signal.take_distance),
    )


def _distant(reference: float, towards: int, distance: float) -> Price | None:
    return _level(reference + towards * distance) if distance > 0 else None


def _level(value: float) -> Price | None:
    """A price that an order can name; None for what is not one."""
    return price(value) if isfinite(value) and PRICE_MIN <= value <= PRICE_MAX else None
