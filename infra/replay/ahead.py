"""What was recorded, with a look at what comes next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from infra.replay.share import Share
from infra.stream import wire
from infra.stream.wire import Record


class Ahead:
    """Records with a look at the next one of ours: of a source, and of a share of its keys.

    Repeats and what nobody can read are passed over, as readers do.
    """

    sequence = ""
    """That of the record that `ours` gave."""
    reached = ""
    """How far the source had come, whatever the share, by the records that were looked at."""

    def __init__(self, records: Iterator[Record], source: str, share: Share) -> None:
        self._records = records
        self._source = source
        self._share = share
        self._held: list[Record] = []
        self._found = False
        self._marks: dict[tuple[str, bytes | None], str] = {}

    def ours(self) -> Record | None:
        """The next record of ours, which stays; None at the end."""
        while not self._found:
            record = next(self._records, None)
            if record is None:
                return None
            origin, sequence = wire.place_if_any(record.headers)
            if sequence <= self._marks.get((origin, record.key), ""):
                continue
            if origin == self._source:
                self.reached = max(self.reached, sequence)
            self._marks[origin, record.key] = self.sequence = sequence
            self._held.append(record)
            self._found = origin == self._source and self._share.has(record.key)
        return self._held[-1]

    def taken(self) -> Sequence[Record]:
        """All records up to and with that one."""
        held, self._held, self._found = self._held, [], False
        return held

    def others(self, end: str) -> Iterator[Record]:
        """Those of the source before the next of ours whose sequence is below `end`."""
        for record in self._held[:-1] if self._found else self._held:
            origin, sequence = wire.place_if_any(record.headers)
            if origin == self._source and sequence < end:
                yield record
