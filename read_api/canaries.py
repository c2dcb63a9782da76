"""Which read models have stopped: canaries stay away from them.

A canary sets out every second and takes the whole way of an event, from Kafka through the fold into
the rows, in one transaction with them. So no word of anybody is taken for it that he is well, and
a tape on which nothing happens hides nothing. What counts is when another was seen last, by the
clock of whoever looks: clocks that differ deceive nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

LATE_S = 3.0
"""Three in a row have not come."""

NEWEST = """
select m.name, max(c."offset") as "offset", max(c.sent_at_us) as sent_at_us from read_models m
left join canaries c on c.consumer = 'projection-' || m.name || '-v' || m.version
group by m.name
"""

Newest = Mapping[str, int | None]
"""The offset of the newest canary that came by each read model; None if none ever did."""


@dataclass(slots=True)
class Canaries:
    """The newest of each, and since when it is."""

    _since: dict[str, tuple[int | None, float]] = field(default_factory=dict)

    def look(self, newest: Newest, now_s: float) -> dict[str, float]:
        """How long, in seconds, those have waited that have seen no new one for `LATE_S`.

        Where none has come by anyone ever, none are sent, and nothing is known.
        """
        if all(offset is None for offset in newest.values()):
            return {}
        for name, offset in newest.items():
            seen = self._since.get(name)
            if seen is None or seen[0] != offset:
                self._since[name] = (offset, now_s)
        waited_s = {name: now_s - self._since[name][1] for name in sorted(newest)}
        return {name: late_s for name, late_s in waited_s.items() if late_s >= LATE_S}
