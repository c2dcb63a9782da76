"""Quotes judged: accepted as ticks, refused into quarantine, both under one numbering.

The bridge and `tapedeck play` have theirs judged here. Every quote of a source and a symbol has the
next `source_seq`, whether it is accepted or not, so that a gap on the tick topic is either
explained by the quarantine or is a loss.
"""

from __future__ import annotations

from msgspec import Struct

from events.market import QuoteFault, QuoteQuarantined, TickReceived
from infra.feed.quotes import Heard, Quote, fault_of
from infra.observe.telemetry import QUARANTINED

RAW_CHARS_MAX = 1_000


class Said(Struct, frozen=True, gc=False):
    """One quote of a source with its number. `quote` is None if `raw` could not be read."""

    symbol: str
    source_seq: int
    raw: str
    quote: Quote | None
    backfilled: bool = False


class Judge:
    """Remembers what each symbol of one source said, and sorts ticks from refusals."""

    def __init__(self, source: str, heard: dict[str, Heard] | None = None) -> None:
        self._source = source
        self._heard = dict(heard or {})

    def judged(self, said: Said, now_us: int) -> TickReceived | QuoteFault:
        """A tick, or why it is none."""
        quote = said.quote
        if quote is None:
            return QuoteFault.UNREADABLE
        heard = self._heard.get(said.symbol, _NOTHING)
        fault = fault_of(quote, heard, now_us)
        if fault is not None:
            return fault
        self._heard[said.symbol] = heard.also(quote)
        return TickReceived(
            symbol=said.symbol,
            source=self._source,
            source_seq=said.source_seq,
            ts_source_us=quote.at_us,
            ts_received_us=now_us,
            bid=quote.bid,
            ask=quote.ask,
            bid_volume=quote.bid_volume,
            ask_volume=quote.ask_volume,
            flags=quote.flags,
            backfilled=said.backfilled,
        )

    def event(self, said: Said, now_us: int) -> TickReceived | QuoteQuarantined:
        """The tick, or the refusal."""
        verdict = self.judged(said, now_us)
        if isinstance(verdict, TickReceived):
            return verdict
        QUARANTINED.labels(said.symbol, verdict.value).inc()
        return QuoteQuarantined(
            symbol=said.symbol,
            source=self._source,
            reason=verdict,
            ts_received_us=now_us,
            raw=said.raw[:RAW_CHARS_MAX],
        )


_NOTHING = Heard()
