"""What a what-if came to, for people and for programs: a table, JSON, CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from infra.cli.tables import Table
from infra.stream.wire import rfc3339
from infra.whatif.choices import Choices
from infra.whatif.compared import Change, Compared, totals
from infra.whatif.fills import COSTS, Fill

SIMULATED = f"SIMULATED fills, at the ticks of the tape: {COSTS}"
SHOWN_MAX = 20
COLUMNS = ("time", "tick", "position", "symbol", "account", "live", "otherwise")


def changes(found: Compared) -> Table:
    """The first decisions that would have been others."""
    table = Table("time", "symbol", "account", "as it was", "otherwise")
    for change in found.changes[:SHOWN_MAX]:
        row = _row(change)
        table.add_row(*(row[name] for name in ("time", "symbol", "account", "live", "otherwise")))
    return table


def profits(found: Compared) -> Table:
    """What the orders of each side would have come to, by currency."""
    table = Table("simulated", "orders filled", "spread paid", "profit", "currency")
    sides = {"as it was": totals(found.live), "otherwise": totals(found.otherwise)}
    for name, sums in sides.items():
        for currency, sum_ in sorted(sums.items()):
            figures = (f"{sum_[key]:,.2f}" for key in ("spread_paid", "profit"))
            table.add_row(name, f"{sum_['fills']:,.0f}", *figures, currency)
    for currency, profit in sorted(difference(found).items()):
        table.add_row("difference", "", "", f"{profit:+,.2f}", currency)
    return table


def caption(found: Compared, choices: Choices) -> list[str]:
    """What was chosen, how much was compared, and where the two part."""
    counts = found.counts
    lines = [
        ", ".join(f"{name}: {text}" for name, text in choices.told().items()),
        f"{counts.ticks:,} ticks, {counts.moments:,} predicted moments in {found.seconds:.1f} s; "
        f"signals {counts.signals:,} as it was, {counts.signals_otherwise:,} otherwise; "
        f"of {counts.decisions:,} decisions {len(found.changes):,} would be others",
        SIMULATED,
    ]
    late = counts.not_yet_recorded + counts.not_yet_decided
    if late:
        lines.append(f"{late:,} moments are not decided on the tape yet: they were left out")
    if len(found.changes) > SHOWN_MAX:
        lines.append(f"the first {SHOWN_MAX} of {len(found.changes):,} are shown")
    if found.first is None:
        lines.append("no difference: what was chosen decides what was decided")
    else:
        first = found.first
        at = f"{first.position}, {rfc3339(first.time_us)}"
        lines.append(f"first divergence: {first.stage} at {at}")
    return lines


def difference(found: Compared) -> dict[str, float]:
    """By currency, what the other choices would have earned more."""
    live, otherwise = totals(found.live), totals(found.otherwise)
    return {
        currency: otherwise.get(currency, _NONE)["profit"] - live.get(currency, _NONE)["profit"]
        for currency in {*live, *otherwise}
    }


def as_json(found: Compared, choices: Choices) -> dict[str, Any]:
    """All of it, for programs. What is simulated is under that name."""
    return {
        "choices": choices.told(),
        "counts": asdict(found.counts),
        "different": found.different,
        "seconds": found.seconds,
        "first_divergence": None if found.first is None else asdict(found.first),
        "changed_decisions": [_row(change) for change in found.changes],
        "venue_profit_of_the_whole_tape": dict(found.venue_profit),
        "simulated": {
            "note": SIMULATED,
            "totals": {"live": totals(found.live), "otherwise": totals(found.otherwise)},
            "difference": difference(found),
            "live": [_fill(fill) for fill in found.live],
            "otherwise": [_fill(fill) for fill in found.otherwise],
        },
    }


def as_csv(found: Compared) -> str:
    """A line for each decision that would have been another."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(_row(change) for change in found.changes)
    return text.getvalue()


def _row(change: Change) -> dict[str, str]:
    moment = change.moment
    return {
        "time": rfc3339(moment.time_us),
        "tick": "" if moment.tick is None else str(moment.tick),
        "position": moment.position,
        "symbol": moment.key[0],
        "account": change.live.account,
        "live": str(change.live),
        "otherwise": str(change.otherwise),
    }


def _fill(fill: Fill) -> dict[str, Any]:
    return {**asdict(fill), "side": fill.side.value, "simulated": True}


_NONE: Mapping[str, float] = {"profit": 0.0}
