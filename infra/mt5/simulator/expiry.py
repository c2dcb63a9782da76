"""When a pending order dies by itself."""

from infra.mt5.constants import (
    ORDER_TIME_DAY,
    ORDER_TIME_SPECIFIED,
    ORDER_TIME_SPECIFIED_DAY,
    SYMBOL_ORDERS_GTC,
)
from infra.mt5.simulator.specification import Specification

DAY_MS = 86_400_000


def expires_ms(time_type: int, expiration_s: int, at_ms: int) -> int:
    """The moment in the server's clock; 0 if never."""
    if time_type == ORDER_TIME_DAY:
        return end_of_day_ms(at_ms)
    if time_type == ORDER_TIME_SPECIFIED:
        return expiration_s * 1000
    if time_type == ORDER_TIME_SPECIFIED_DAY:
        return end_of_day_ms(expiration_s * 1000)
    return 0


def dies_ms(symbol: Specification, time_type: int, expiration_s: int, at_ms: int) -> int:
    """The same, where the symbol lets no order live longer than its day."""
    ends_ms = expires_ms(time_type, expiration_s, at_ms)
    if symbol.orders_gtc == SYMBOL_ORDERS_GTC:
        return ends_ms
    return min(ends_ms or end_of_day_ms(at_ms), end_of_day_ms(at_ms))


def end_of_day_ms(at_ms: int) -> int:
    """The next midnight of the server."""
    return (at_ms // DAY_MS + 1) * DAY_MS
