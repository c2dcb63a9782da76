"""When a pending order dies by itself."""

from infra.mt5.constants import (
    ORDER_TIME_DAY,
    ORDER_TIME_SPECIFIED,
    ORDER_TIME_SPECIFIED_DAY,
)

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


def end_of_day_ms(at_ms: int) -> int:
    """The next midnight of the server."""
    return (at_ms // DAY_MS + 1) * DAY_MS
