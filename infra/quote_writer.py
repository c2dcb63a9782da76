"""Quotes onto the tape: accepted as ticks, refused into quarantine, both under one numbering.

The bridge and `tapedeck play` write through here. Every quote of a source and a symbol has the
next `source_seq`, whether it is accepted or not, so that a gap on the tick topic is either
explained by the quarantine or is a loss.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from events.envelope import Message, first_cause
from events.market import QuoteFault, QuoteQuarantined, TickReceived
from infra import wire
from infra.quotes import Heard, Quote, fault_of
from infra.telemetry import QUARANTINED
from infra.transactions import Writer
from infra.wire import Ids

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

    def message(self, said: Said, now_us: int) -> Message[TickReceived | QuoteQuarantined]:
        """The tick, or the refusal, as it goes onto the tape."""
        verdict = self.judged(said, now_us)
        if isinstance(verdict, TickReceived):
            return tick_message(verdict)
        return self._refusal(said, verdict, now_us)

    def _refusal(self, said: Said, reason: QuoteFault, now_us: int) -> Message[QuoteQuarantined]:
        QUARANTINED.labels(said.symbol, reason.value).inc()
        event = QuoteQuarantined(
            symbol=said.symbol,
            source=self._source,
            reason=reason,
            ts_received_us=now_us,
            raw=said.raw[:RAW_CHARS_MAX],
        )
        return first_cause(
            event,
            source=self._source,
            sequence=sequence_of(said.source_seq),
            key=said.symbol,
            time_us=now_us,
        )


def tick_message(tick: TickReceived) -> Message[TickReceived]:
    """A tick as the message that begins a trace."""
    return first_cause(
        tick,
        source=tick.source,
        sequence=sequence_of(tick.source_seq),
        key=tick.symbol,
        time_us=tick.ts_source_us,
    )


def sequence_of(source_seq: int) -> str:
    """The envelope's sequence of a source's number."""
    return f"{source_seq:016d}"


def publish(writer: Writer, ids: Ids, ticks: Sequence[TickReceived]) -> None:
    """Ticks that were accepted, in one transaction; acknowledged when it returns."""
    writer.write([wire.write(tick_message(tick), ids) for tick in ticks])


_NOTHING = Heard()
