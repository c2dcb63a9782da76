"""Where the bridge goes on: per symbol the last number, the last second and what of it is known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from confluent_kafka import Consumer

from events.envelope import Event
from events.market import QuoteQuarantined, TickReceived
from infra.config import Config
from infra.feed.polling import MS_US, Feed, figures_of, figures_of_raw
from infra.feed.quotes import Heard, Quote
from infra.stream import kafka, tape, wire
from schemas.catalog import topic_of


@dataclass(slots=True)
class _Trace:
    """What was found of a symbol: ticks by number, refusals by number."""

    ticks: dict[int, TickReceived] = field(default_factory=dict)
    refused: dict[int, str] = field(default_factory=dict)

    @property
    def since_s(self) -> int:
        """The second of the newest tick."""
        return max(tick.ts_source_us for tick in self.ticks.values()) // 1_000_000

    def whole(self) -> bool:
        """Whether all ticks of the last second are here: an older one is, too."""
        times_us = [tick.ts_source_us for tick in self.ticks.values()]
        return bool(times_us) and min(times_us) < self.since_s * 1_000_000

    def reaches_behind_ticks(self) -> bool:
        """Whether the refusals go back further than the ticks."""
        return bool(self.refused) and min(self.refused) < min(self.ticks, default=0)


def feeds(
    config: Config,
    client: Consumer,
    ids: wire.Ids,
    source: str,
    symbols: Iterable[str],
    first_s: int,
) -> tuple[dict[str, Feed], dict[str, Heard]]:
    """Feeds that take what is not on the tape yet, and what their symbols said last.

    A symbol of which the tape knows nothing begins at `first_s`.
    """
    traces = {symbol: _Trace() for symbol in symbols}
    for seq, event in _found(config, client, ids, source, TickReceived, traces):
        if isinstance(event, TickReceived):
            traces[event.symbol].ticks[seq] = event
    for seq, event in _found(config, client, ids, source, QuoteQuarantined, traces):
        if isinstance(event, QuoteQuarantined):
            traces[event.symbol].refused[seq] = event.raw
    made = {symbol: _feed(symbol, trace, first_s) for symbol, trace in traces.items()}
    heard = {symbol: _heard(trace) for symbol, trace in traces.items() if trace.ticks}
    return made, heard


def _found(
    config: Config,
    client: Consumer,
    ids: wire.Ids,
    source: str,
    kind: type[TickReceived] | type[QuoteQuarantined],
    traces: dict[str, _Trace],
) -> Iterator[tuple[int, TickReceived | QuoteQuarantined]]:
    """Numbers and events of the source, from the end of the topic back until all have enough."""
    topic = kafka.topic_name(config, topic_of(kind).name)
    for window in tape.backwards_all(client, topic):
        wanted = _wanting(traces, kind)
        if not wanted:
            return
        for record in window:
            origin, sequence = wire.place_if_any(record.headers)
            if origin == source and record.key in wanted and sequence.isdigit():
                event = _read(record, ids)
                if isinstance(event, TickReceived | QuoteQuarantined):
                    yield int(sequence), event


def _read(record: wire.Record, ids: wire.Ids) -> Event | None:
    """What a record says; what nobody can read was not written here."""
    try:
        return wire.event_of(record, ids)
    except (ValueError, LookupError):
        return None


def _wanting(
    traces: dict[str, _Trace], kind: type[TickReceived] | type[QuoteQuarantined]
) -> set[bytes | None]:
    """Keys of the symbols of which not enough was found."""
    if kind is TickReceived:
        return {symbol.encode() for symbol, trace in traces.items() if not trace.whole()}
    return {s.encode() for s, trace in traces.items() if not trace.reaches_behind_ticks()}


def _feed(symbol: str, trace: _Trace, first_s: int) -> Feed:
    feed = Feed(symbol, trace.since_s if trace.ticks else first_s)
    feed.source_seq = max((*trace.ticks, *trace.refused), default=0)
    for tick in trace.ticks.values():
        at_ms = tick.ts_source_us // MS_US
        if at_ms >= feed.since_s * 1_000:
            feed.seen[figures_of(at_ms, tick.bid, tick.ask, tick.flags)] += 1
    for raw in trace.refused.values():
        feed.seen[figures_of_raw(raw)] += 1
    return feed


def _heard(trace: _Trace) -> Heard:
    tick = trace.ticks[max(trace.ticks)]
    last = Quote(
        symbol=tick.symbol,
        at_us=tick.ts_source_us,
        bid=tick.bid,
        ask=tick.ask,
        bid_volume=tick.bid_volume,
        ask_volume=tick.ask_volume,
        flags=tick.flags,
    )
    return Heard(max(tick.ts_source_us for tick in trace.ticks.values()), last)
