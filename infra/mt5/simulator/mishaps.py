"""Faults of the market itself: quotes that stop, come twice or in the wrong order, gaps, shocks."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from infra.mt5.simulator.draws import bits, stream_key, uniforms

Mishap = Literal["stalled", "closed", "shock", "duplicate", "disorder"]
DAY_MS = 86_400_000
_DRAWN: tuple[Mishap, ...] = ("stalled", "duplicate", "disorder", "shock")
MISHAPS_PER_DAY_MAX = 15
_DURATION_MS_MAX = 600_000
_SHOCK_MAX = 0.01
_EVERY = 3  # of the ticks of a span, how many come twice

Rows = npt.NDArray[np.void]


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketFault:
    """What happens to one symbol, or to all, in a span of the server's clock.

    `stalled`: no quotes while trade goes on; `closed`: neither, and a gap when it opens again;
    `shock`: prices are moved by `size`, a share of them; `duplicate`: ticks are reported twice;
    `disorder`: they are reported in the wrong order.
    """

    kind: Mishap
    from_ms: int
    to_ms: int
    symbol: str | None = None
    size: float = 0.0

    def __post_init__(self) -> None:
        if self.to_ms <= self.from_ms or not self.size > -1.0:
            raise ValueError(
                f"{self.kind}: from {self.from_ms} to {self.to_ms} ms by {self.size}; give an end "
                "after the beginning and a size above -1"
            )

    def hits(self, name: str, *kinds: Mishap) -> bool:
        """Whether it is of one of these kinds and happens to a symbol."""
        return self.kind in kinds and self.symbol in (None, name)


def drawn(seed: int, name: str, day: int, per_day: float) -> tuple[MarketFault, ...]:
    """The mishaps of a symbol's day (counted from 1970), the same for the same seed."""
    if not per_day:
        return ()
    key = stream_key(seed, "mishaps", name)
    of_a_day = MISHAPS_PER_DAY_MAX + 1
    draws = uniforms(bits(key, day * of_a_day * 4, of_a_day * 4)).reshape(of_a_day, 4)
    count = int(per_day + draws[MISHAPS_PER_DAY_MAX, 0])
    return tuple(_of_draws(name, day, *draws[nth].tolist()) for nth in range(count))


def kept(
    faults: tuple[MarketFault, ...], name: str, time_ms: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """Which ticks there are at all."""
    found = np.ones(len(time_ms), dtype=np.bool_)
    for fault in faults:
        if fault.hits(name, "stalled", "closed"):
            found &= (time_ms < fault.from_ms) | (time_ms >= fault.to_ms)
    return found


def shocked(
    faults: tuple[MarketFault, ...],
    name: str,
    time_ms: npt.NDArray[np.int64],
    points: npt.NDArray[np.float64],
    step: int,
) -> npt.NDArray[np.float64]:
    """Prices in points, moved by the shocks that they are in, on the grid of `step` points."""
    for fault in faults:
        if fault.hits(name, "shock"):
            inside = (time_ms >= fault.from_ms) & (time_ms < fault.to_ms)
            moved = np.floor(points * fault.size / step + 0.5) * step
            points = np.where(inside, points + moved, points)
    return points


def reported(faults: tuple[MarketFault, ...], name: str, rows: Rows) -> Rows:
    """Ticks as a terminal reports them: every third twice, or each pair turned round."""
    for fault in faults:
        if not fault.hits(name, "duplicate", "disorder"):
            continue
        inside = (rows["time_msc"] >= fault.from_ms) & (rows["time_msc"] < fault.to_ms)
        where = np.flatnonzero(inside)
        if fault.kind == "duplicate":
            rows = np.insert(rows, where[::_EVERY], rows[where[::_EVERY]])
        else:
            order = np.arange(len(rows))
            pairs = where[: len(where) // 2 * 2].reshape(-1, 2)
            order[pairs] = pairs[:, ::-1]
            rows = rows[order]
    return rows


def _of_draws(
    name: str, day: int, at: float, which: float, lasts: float, size: float
) -> MarketFault:
    from_ms = day * DAY_MS + int(at * DAY_MS)
    return MarketFault(
        kind=_DRAWN[int(which * len(_DRAWN))],
        from_ms=from_ms,
        to_ms=from_ms + 1 + int(lasts * _DURATION_MS_MAX),
        symbol=name,
        size=(2 * size - 1) * _SHOCK_MAX,
    )
