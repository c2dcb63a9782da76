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
from infra.headings import Origin, frame_of
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
        self._ids = ids
        self._lines: dict[tuple[type[Event], str, str], _Line] = {}

    def record(self, event: TickReceived | QuoteQuarantined, source_seq: int) -> Outgoing:
        """The record of an event under its source's number."""
        kind = type(event)
        known = self._lines.get((kind, event.source, event.symbol))
        line = known or self._line(kind, event.source, event.symbol)
        # A refused quote may have no time that means anything: then it is ours.
        time_us = event.ts_source_us if isinstance(event, TickReceived) else event.ts_received_us
        return Outgoing(
            line.topic,
            line.key,
            line.frame + line.encode(event),
            line.origin.headers(source_seq, time_us),
        )

    def _line(self, kind: type[Event], source: str, symbol: str) -> _Line:
        line = self._lines[kind, source, symbol] = _Line(
            topic_of(kind).name,
            symbol.encode(),
            frame_of(self._ids.id_of(kind)),
            quick.encoder(kind),
            Origin(source, symbol, kind),
        )
        return line


def publish(writer: Writer, press: Press, ticks: Sequence[TickReceived]) -> None:
    """Ticks that were accepted, in one transaction; acknowledged when it returns."""
    writer.write(press.record(tick, tick.source_seq) for tick in ticks)


class _Line(Struct, frozen=True):
    """What the records of one class, source and symbol share."""

    topic: str
    key: bytes
    frame: bytes
    encode: quick.Encode
    origin: Origin


_NOTHING = Heard()
