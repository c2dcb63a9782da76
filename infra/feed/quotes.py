"""Which quotes may go on the tape: judged by themselves and by what their symbol said before."""

from __future__ import annotations

from math import isfinite

from msgspec import Struct
from msgspec.structs import replace

from events.market import QuoteFault

FUTURE_US_MAX = 5_000_000
"""How far a source's clock may be ahead of ours."""
BEHIND_US_MAX = 60_000_000
"""How much older than its symbol's newest quote a quote may be. Age alone is no fault: history
that is read late is older than now, but not older than what its own source said before it."""


class Quote(Struct, frozen=True, gc=False):
    """What a source said. Volumes are those at the bid and at the ask, None if it tells none."""

    symbol: str
    at_us: int
    bid: float
    ask: float
    bid_volume: float | None = None
    ask_volume: float | None = None
    flags: int = 0


class Heard(Struct, frozen=True, gc=False):
    """What is remembered of a symbol: its newest accepted time, and the quote accepted last."""

    newest_us: int = -(10**18)
    last: Quote | None = None

    def also(self, quote: Quote) -> Heard:
        """With one more accepted quote."""
        return replace(self, newest_us=max(self.newest_us, quote.at_us), last=quote)


def fault_of(quote: Quote, heard: Heard, now_us: int) -> QuoteFault | None:
    """Why a quote is refused, or None."""
    bid, ask = quote.bid, quote.ask
    if not (isfinite(bid) and isfinite(ask) and _finite(quote)):
        return QuoteFault.NOT_A_NUMBER
    if bid <= 0 or ask <= 0 or _negative(quote.bid_volume) or _negative(quote.ask_volume):
        return QuoteFault.NOT_POSITIVE
    if bid > ask:
        return QuoteFault.CROSSED
    if quote.at_us > now_us + FUTURE_US_MAX:
        return QuoteFault.FROM_THE_FUTURE
    if quote.at_us < heard.newest_us - BEHIND_US_MAX:
        return QuoteFault.STALE
    if quote == heard.last:
        return QuoteFault.DUPLICATE
    return None


def _finite(quote: Quote) -> bool:
    return (quote.bid_volume is None or isfinite(quote.bid_volume)) and (
        quote.ask_volume is None or isfinite(quote.ask_volume)
    )


def _negative(volume: float | None) -> bool:
    return volume is not None and volume < 0
