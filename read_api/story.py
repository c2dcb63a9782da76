"""The story of a decision: from an order back to the ticks, and everything that followed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from events.envelope import Position
from projections import audit, executions, orders
from projections.query import one, page
from read_api.problems import not_found
from read_api.store import Row, Snapshot, columns
from read_api.tape import Tape, TapeAway

TICKS_TOPIC = "market-data-events"
STEPS_MAX = 500
TICKS_MAX = 5_000
SCANNED_MAX = 100_000
BLOCK = 2_000

FeatureNames = Mapping[str, Sequence[str]]
"""The names of the values, by feature digest."""

_columns = audit.RECORDED.columns
_IDS = "give the id of a signal, an execution, an order or a message, or a correlation id"


class BarTicks(Struct, kw_only=True):
    """The ticks of the bar, read from the tape. `complete`: as many as the bar says it had."""

    closing_position: str = ""
    closing: dict[str, Any] | None = None
    ticks: list[dict[str, Any]] = []
    complete: bool = False
    note: str = ""


class Decision(Struct, kw_only=True):
    """Everything that is known of a decision. `steps` are its messages, in the order of causes.

    `features` are the named values that the model was given; `ticks` is what they were made of.
    """

    id: str
    signal: dict[str, Any] | None
    prediction: dict[str, Any] | None
    features: dict[str, float | None]
    bar: dict[str, Any] | None
    ticks: BarTicks
    execution: dict[str, Any] | None
    orders: list[dict[str, Any]]
    steps: list[dict[str, Any]]


async def told(snapshot: Snapshot, tape: Tape, names: FeatureNames, name: str) -> Decision:
    """The decision of an order, an execution, a signal, a message or all that one tick caused."""
    root = await _root(snapshot, name)
    if root is None and (messages := await snapshot.rows(audit.DECISIVE.encode(), (name,))):
        name = messages[0]["message_id"]
        root = await _root(snapshot, name)
    decided = name.split("/", 1)[0] if root is None else root
    before = await _chain(snapshot, decided, name)
    after = await snapshot.rows(
        columns(_columns, audit.STORY), {"name": decided, "limit": STEPS_MAX}
    )
    if not before and not after:
        raise not_found(f"the decision {name}", _IDS)
    found = {row["type"]: row for row in before}
    bar = found.get("BarClosed")
    execution = await snapshot.rows(*one(executions.FOLLOWED, decided))
    legs = await snapshot.rows(*page(orders.WANTED, {"execution_id": decided}, None, STEPS_MAX))
    return Decision(
        id=decided,
        signal=_payload(found.get("SignalRaised") or found.get("Abstained")),
        prediction=_payload(found.get("PredictionMade")),
        features=_features(found.get("FeaturesComputed"), names),
        bar=_payload(bar),
        ticks=BarTicks() if bar is None else await _ticks(tape, bar),
        execution=execution[0] if execution else None,
        orders=legs,
        steps=[*reversed(before), *sorted(after, key=_order)],
    )


async def _root(snapshot: Snapshot, name: str) -> str | None:
    """The execution that a message belongs to, if `name` is a message's."""
    rows = await snapshot.rows(*one(audit.RECORDED, name))
    if not rows:
        return None
    payload = rows[0]["payload"]
    return str(payload.get("execution_id") or payload.get("signal_id") or name)


async def _chain(snapshot: Snapshot, decided: str, name: str) -> list[Row]:
    """The signal and its causes, nearest first; of a message that led to no signal, its own."""
    raised = await snapshot.rows(b"select message_id from signals where signal_id = %s", (decided,))
    start = raised[0]["message_id"] if raised else name
    causes = columns(_columns, audit.CAUSES)
    itself = await snapshot.rows(*one(audit.RECORDED, start))
    chain = await snapshot.rows(causes, {"id": start, "limit": audit.CHAIN_MAX})
    return [*itself, *chain]


def _order(row: Row) -> tuple[Any, ...]:
    """The event store numbers all it publishes; what did not come from there stands before."""
    return (row["source"] == "event-store", row["sequence"], row["topic"], row["offset"])


def _payload(row: Row | None) -> dict[str, Any] | None:
    if row is None:
        return None
    place = f"{row['topic']}/{row['partition']}/{row['offset']}"
    return {**row["payload"], "message_id": row["message_id"], "position": place}


def _features(row: Row | None, names: FeatureNames) -> dict[str, float | None]:
    """By name, where the schema of these values is known here; by number where it is not."""
    if row is None:
        return {}
    values = row["payload"]["values"]
    known = names.get(row["payload"]["feature_digest"], ())
    if len(known) != len(values):
        known = [f"feature {number}" for number in range(len(values))]
    return dict(zip(known, values, strict=True))


async def _ticks(tape: Tape, bar: Row) -> BarTicks:
    """The bar names the offset of the tick that closed it: its own ticks stand before that one."""
    closing = audit.cause_of(bar["source"], bar["sequence"], TICKS_TOPIC)
    if closing is None:
        return BarTicks(note="the bar does not say which tick closed it")
    found = BarTicks(closing_position=str(closing))
    wanted = bar["payload"]["tick_count"]
    try:
        ticks = await _scan(tape, bar["payload"], closing, found)
    except TapeAway as away:
        found.note = f"the ticks could not be read: {away}"
        return found
    found.ticks = [tick for _, tick in sorted(ticks.items())]
    found.complete = len(ticks) == wanted
    if not found.complete:
        found.note = f"{len(ticks)} of the bar's {wanted} ticks were found on the tape"
    return found


async def _scan(
    tape: Tape, bar: dict[str, Any], closing: Position, found: BarTicks
) -> dict[int, dict[str, Any]]:
    """Backwards from the closing tick, until the bar's ticks are together or a bound is reached."""
    ticks: dict[int, dict[str, Any]] = {}
    (held,) = (e for e in await tape.extents(TICKS_TOPIC) if e.partition == closing.partition)
    end = min(closing.offset + 1, held.next_offset)
    while end > held.first_offset and closing.offset - end < SCANNED_MAX:
        start = max(held.first_offset, end - BLOCK)
        records, _ = await tape.read(closing.topic, closing.partition, start, end, BLOCK)
        for heard in records:
            if heard.type != "TickReceived" or heard.symbol != bar["symbol"]:
                continue
            tick = msgspec.json.decode(heard.body)["payload"]
            if heard.offset == closing.offset:
                found.closing = tick
            elif _belongs(tick, bar):
                ticks.setdefault(tick["source_seq"], tick)
        if len(ticks) >= min(bar["tick_count"], TICKS_MAX):
            break
        end = start
    return ticks


def _belongs(tick: dict[str, Any], bar: dict[str, Any]) -> bool:
    """Whether the tick is within the bar, and was not late for it."""
    return bool(
        bar["first_seq"] <= tick["source_seq"] <= bar["last_seq"]
        and bar["opened_at_us"] <= tick["ts_source_us"] < bar["closed_at_us"]
    )
