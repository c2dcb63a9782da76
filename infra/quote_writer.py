"""Quotes onto the tape: accepted as ticks, refused into quarantine, both under one numbering.

The bridge and `tapedeck play` write through here. Every quote of a source and a symbol has the
next `source_seq`, whether it is accepted or not, so that a gap on the tick topic is either
explained by the quarantine or is a loss.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from events.envelope import Event
from events.market import QuoteFault, QuoteQuarantined, TickReceived
from infra import headings
from infra.headings import frame_of
from infra.quotes import Heard, Quote, fault_of
from infra.telemetry import QUARANTINED
from infra.transactions import Writer
from infra.wire import Ids, Outgoing
from schemas import quick
from schemas.catalog import topic_of

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


class Press:
    """Records of ticks and refusals, as `wire.write` would make them of messages, but faster."""

    def __init__(self, ids: Ids) -> None:
        kinds: tuple[type[Event], ...] = (TickReceived, QuoteQuarantined)
        self._frames = {kind: frame_of(ids.id_of(kind)) for kind in kinds}

    def record(self, event: TickReceived | QuoteQuarantined, source_seq: int) -> Outgoing:
        """The record of an event under its source's number."""
        kind = type(event)
        headers = headings.first(
            source=event.source,
            sequence=f"{source_seq:016d}",
            key=event.symbol,
            time_us=_time_us(event),
            kind=kind,
        )
        value = self._frames[kind] + quick.encode(event)
        return Outgoing(topic_of(kind).name, event.symbol.encode(), value, headers)


def publish(writer: Writer, press: Press, ticks: Sequence[TickReceived]) -> None:
    """Ticks that were accepted, in one transaction; acknowledged when it returns."""
    writer.write(press.record(tick, tick.source_seq) for tick in ticks)


def _time_us(event: TickReceived | QuoteQuarantined) -> int:
    """A refused quote may have no time that means anything: then it is ours."""
    return event.ts_source_us if isinstance(event, TickReceived) else event.ts_received_us


_NOTHING = Heard()
