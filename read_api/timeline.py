"""A decision for people: what happened, in order, one line each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any

from read_api.story import Decision

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FEATURES_SHOWN = 40
PLACED = ("order_id", "execution_id", "account", "symbol")

Line = tuple[str, str, str]
"""What it is, what it says, and where it stands."""


def text(decision: Decision) -> str:
    """The lines, under each other."""
    lines = list(lines_of(decision))
    width = max((len(kind) for kind, _, _ in lines), default=0)
    told = [f"{kind:<{width}}  {said}" + (f"  [{at}]" if at else "") for kind, said, at in lines]
    return "\n".join([f"Decision {decision.id}", "", *told, ""])


def html(decision: Decision) -> str:
    """The lines as a page that needs nothing else."""
    rows = "".join(
        f"<tr><th>{escape(kind)}</th><td>{escape(said)}</td><td><code>{escape(at)}</code></td></tr>"
        for kind, said, at in lines_of(decision)
    )
    return _PAGE.format(title=escape(decision.id), rows=rows)


def lines_of(decision: Decision) -> Iterator[Line]:
    """From the ticks to the deals."""
    yield from _market(decision)
    if decision.features:
        shown = list(decision.features.items())[:FEATURES_SHOWN]
        yield "features", ", ".join(f"{name} {_number(value)}" for name, value in shown), ""
    for step in decision.steps:
        if step["type"] not in ("BarClosed", "FeaturesComputed"):
            place = f"{step['topic']}/{step['partition']}/{step['offset']}"
            yield step["type"], _said(step["payload"]), place
    if decision.execution:
        yield "now", f"execution {decision.execution['state']}", ""
        for leg in decision.execution["legs"]:
            yield "leg", _said(leg), ""


def _market(decision: Decision) -> Iterator[Line]:
    ticks, bar = decision.ticks, decision.bar
    if bar is None:
        yield "market", "nothing on the tape led here: it was asked for from outside", ""
        return
    if ticks.ticks:
        first, last = ticks.ticks[0], ticks.ticks[-1]
        whole = "all of them" if ticks.complete else "not all of them"
        yield (
            "ticks",
            f"{len(ticks.ticks)} of {bar['symbol']} ({whole}), {_time(first['ts_source_us'])} "
            f"{first['bid']}/{first['ask']} to {_time(last['ts_source_us'])} "
            f"{last['bid']}/{last['ask']}",
            "",
        )
    if ticks.note:
        yield "ticks", ticks.note, ""
    if ticks.closing is not None:
        tick = ticks.closing
        said = f"{_time(tick['ts_source_us'])} {tick['bid']}/{tick['ask']} closed the bar"
        yield "tick", said, ticks.closing_position
    yield (
        "bar",
        f"{bar['symbol']} {bar['timeframe_s']} s from {_time(bar['opened_at_us'])}: open "
        f"{_number(bar['open'])} high {_number(bar['high'])} low {_number(bar['low'])} close "
        f"{_number(bar['close'])}, {bar['tick_count']} ticks",
        bar["position"],
    )


def _said(payload: dict[str, Any]) -> str:
    """The fields of a message that say something, but for those that the heading says."""
    said = (
        f"{name.removesuffix('_us')} {_value(name, value)}"
        for name, value in payload.items()
        if value not in (None, [], "") and name not in PLACED[1:2]
    )
    return ", ".join(said)


def _value(name: str, value: Any) -> str:
    if name.endswith("_us") and isinstance(value, int):
        return _time(value)
    if name.endswith("digest"):
        return str(value)[:12]
    if isinstance(value, list):
        return " ".join(map(str, value))
    return _number(value) if isinstance(value, float) else str(value)


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.6g}"


def _time(time_us: int) -> str:
    moment = EPOCH + timedelta(microseconds=time_us)
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f")


_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
body {{ font: 14px/1.5 system-ui, sans-serif; margin: 2rem; max-width: 80rem }}
th {{ text-align: left; vertical-align: top; padding-right: 1rem; white-space: nowrap }}
td {{ padding-bottom: .4rem }} code {{ color: #667; font-size: 12px; white-space: nowrap }}
</style></head><body><h1>{title}</h1><table>{rows}</table>
<p><a href="/">Tapedeck</a></p></body></html>
"""
