"""Records of ticks and refusals, as `wire.write` would make them of messages, but many at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter

from msgspec import Struct

from events.market import QuoteQuarantined, TickReceived
from infra.stream.headings import frame_of
from infra.stream.origins import Origin
from infra.stream.transactions import Writer
from infra.stream.wire import Ids, Outgoing
from schemas.catalog import topic_of
from schemas.quick_columns import encode_all

TOGETHER_MAX = 1_000
"""Records made at once: few enough to stay in the processor's cache until they are sent."""

Told = TickReceived | QuoteQuarantined


class Press:
    """Makes records, remembering what those of one class, source and symbol share."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        self._lines: dict[tuple[type[Told], str, str], _Line] = {}

    def records(self, numbered: Sequence[tuple[Told, int]]) -> Iterator[Outgoing]:
        """The records of events under their source's numbers, in the order given."""
        for at in range(0, len(numbered), TOGETHER_MAX):
            yield from self._together(numbered[at : at + TOGETHER_MAX])

    def _together(self, numbered: Sequence[tuple[Told, int]]) -> list[Outgoing]:
        kinds = {(type(event), event.source, event.symbol) for event, _ in numbered}
        if len(kinds) == 1:
            return self._of(kinds.pop()).records(numbered)
        alike: defaultdict[tuple[type[Told], str, str], list[int]] = defaultdict(list)
        for at, (event, _) in enumerate(numbered):
            alike[type(event), event.source, event.symbol].append(at)
        made: dict[int, Outgoing] = {}
        for of, places in alike.items():
            records = self._of(of).records([numbered[at] for at in places])
            made.update(zip(places, records, strict=True))
        return [made[at] for at in range(len(numbered))]

    def _of(self, of: tuple[type[Told], str, str]) -> _Line:
        return self._lines.get(of) or self._line(*of)

    def _line(self, kind: type[Told], source: str, symbol: str) -> _Line:
        line = self._lines[kind, source, symbol] = _Line(
            topic_of(kind).name,
            symbol.encode(),
            frame_of(self._ids.id_of(kind)),
            Origin(source, symbol, kind),
            # A refused quote may have no time that means anything: then it is ours.
            attrgetter("ts_source_us" if kind is TickReceived else "ts_received_us"),
        )
        return line


class _Line(Struct, frozen=True):
    """What the records of one class, source and symbol share."""

    topic: str
    key: bytes
    frame: bytes
    origin: Origin
    time_us: Callable[[Told], int]

    def records(self, numbered: Sequence[tuple[Told, int]]) -> list[Outgoing]:
        """The records of events of this line."""
        topic, key, frame = self.topic, self.key, self.frame
        events, numbers = zip(*numbered, strict=True)
        payloads = encode_all(events)
        headers = self.origin.headers(numbers, list(map(self.time_us, events)))
        return [
            Outgoing(topic, key, frame + payload, heading)
            for payload, heading in zip(payloads, headers, strict=True)
        ]


def publish(writer: Writer, press: Press, ticks: Sequence[TickReceived]) -> None:
    """Ticks that were accepted, in one transaction; acknowledged when it returns."""
    writer.write(press.records([(tick, tick.source_seq) for tick in ticks]))
