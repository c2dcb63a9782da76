"""A figure beside its peer or its limit, taken in the same run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isinf
from statistics import median


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured, what it is held against, and what is wanted of it.

    `wanted` is the least ratio of ours to the peer's; for a ceiling (latency, memory) it is the
    most, and `ceiling` is set. A ceiling that is infinite judges nothing: the figure is shown.
    """

    name: str
    ours: float
    peer: str
    theirs: float
    unit: str
    wanted: float = 1.0
    ceiling: bool = False

    @property
    def ratio(self) -> float:
        """Ours over the peer's."""
        return self.ours / self.theirs

    @property
    def reached(self) -> bool:
        """Whether it is as good as was wanted."""
        return self.ratio <= self.wanted if self.ceiling else self.ratio >= self.wanted


def paired(
    name: str, peer: str, pairs: Sequence[tuple[float, float]], unit: str, wanted: float
) -> Figure:
    """The figure of several pairs (ours, theirs) taken in turn: the pair of the median ratio."""
    ranked = sorted(pairs, key=lambda pair: pair[0] / pair[1])
    ours, theirs = ranked[len(ranked) // 2]
    return Figure(name, ours, peer, theirs, unit, wanted)


def against_limit(
    name: str, runs: Sequence[float], limit: float, unit: str, *, ceiling: bool = False
) -> Figure:
    """The median of several runs beside a limit."""
    return Figure(name, median(runs), "limit", limit, unit, 1.0, ceiling)


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of the values do not exceed; NaN of none."""
    if not values:
        return float("nan")
    ranked = sorted(values)
    return ranked[max(0, -(-int(share * 1000) * len(ranked) // 1000) - 1)]


def _verdict(figure: Figure) -> str:
    """Nothing where it is only shown."""
    if isinf(figure.wanted):
        return ""
    return "reached" if figure.reached else "NOT REACHED"


def table(figures: Sequence[Figure]) -> str:
    """Figures as aligned text."""
    rows = [("figure", "ours", "beside", "theirs", "ratio", "wanted", "")]
    for figure in figures:
        sign = "<=" if figure.ceiling else ">="
        rows.append(
            (
                figure.name,
                f"{figure.ours:,.1f} {figure.unit}",
                figure.peer,
                f"{figure.theirs:,.1f}",
                f"{figure.ratio:.2f}",
                "" if isinf(figure.wanted) else f"{sign} {figure.wanted:g}",
                _verdict(figure),
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
