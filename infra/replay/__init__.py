"""`tapedeck replay`: the tape recomputed by the same steps, compared bit for bit. It only reads."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from multiprocessing import cpu_count
from typing import Any

import msgspec

from infra import collector
from infra.cli.parser import one_or_more
from infra.cli.tables import Table, show
from infra.config import Config
from infra.observe.progress import Progress
from infra.replay.chain import LocalIds
from infra.replay.decisions import SAGA
from infra.replay.found import Mismatch
from infra.replay.level import DECLARED, Level
from infra.replay.proven import PROOFS
from infra.replay.range import EARLIEST, LATEST, where
from infra.replay.run import Outcome, replay
from infra.stream import wire
from infra.stream.schema_ids import SchemaIds
from infra.stream.wire import Ids, Record
from processors.models.gbt import ModelRefused

LEVELS = """\
R0: read again what was recorded, and check its proofs; R1: bars and features; R2: predictions and
signals (what is done unless you say otherwise); R3: sagas, commands and decisions too"""


def configure(parser: argparse.ArgumentParser) -> None:
    """From where to where, and whether to compare."""
    parser.add_argument("--from", dest="start", type=where, default=where(EARLIEST), metavar="P")
    parser.add_argument("--to", dest="end", type=where, default=where(LATEST), metavar="P")
    parser.add_argument(
        "--level", choices=[level.name for level in Level], default=Level.R2.name, help=LEVELS
    )
    parser.add_argument("--verify", action="store_true", help="compare with what was recorded")
    parser.add_argument("--json", action="store_true", help="the outcome as JSON")
    parser.add_argument(
        "--jobs", type=one_or_more, default=cpu_count(), metavar="N", help="processes at a time"
    )
    parser.epilog = (
        "P is earliest, latest, an offset of every partition, topic/partition/offset (several with "
        "commas), or a time. What lies before --from is read too: the state comes from it. "
        "Interrupted, the same command goes on with the parts that were not done."
    )


def main(config: Config, arguments: argparse.Namespace) -> int:
    """Replay; exit 1 if anything differs, or cannot be compared."""
    collector.seldom()
    ids = SchemaIds(config)
    try:
        with Progress("replay", "offsets") as progress:
            outcome = replay(
                config,
                ids,
                arguments.start,
                arguments.end,
                verify=arguments.verify,
                shown=progress.at,
                jobs=arguments.jobs,
                level=Level[arguments.level],
                resumes=True,
            )
    except ModelRefused as refused:
        print(f"tapedeck: predictions cannot be recomputed: {refused}", file=sys.stderr)
        return 1
    if arguments.json:
        print(json.dumps(as_json(outcome, ids), default=str))
    else:
        show(table(outcome, arguments.verify))
        print("\n".join(caption(outcome, arguments.verify)))
        if outcome.first is not None:
            print(json.dumps(told(outcome.first, ids), indent=2, default=str))
    return 1 if outcome.different or (arguments.verify and outcome.not_compared) else 0


def table(outcome: Outcome, verify: bool) -> Table:
    """A row per stage."""
    found = Table("stage", "inputs", "equal" if verify else "recomputed")
    if verify:
        found.add_column("different")
        found.add_column("not yet recorded")
    for name, count in outcome.counts.items():
        figures = [count.inputs, count.equal]
        if verify:
            figures += [count.different, count.not_yet_recorded]
        found.add_row(name, *(f"{figure:,}" for figure in figures))
    return found


def caption(outcome: Outcome, verify: bool) -> list[str]:
    """What it came to, how fast, over what, and where that holds."""
    said = verdict(outcome) if verify else "recomputed"
    rate = outcome.events / max(outcome.seconds, 1e-9)
    lines = [
        f"{outcome.level.name} {said}: {outcome.events:,} events, {outcome.ticks:,} of them ticks, "
        f"in {outcome.seconds:.1f} s, {rate:,.0f}/s",
        f"hash over all that was recomputed: {outcome.digest}",
    ]
    if outcome.elsewhere:
        made = ", ".join(digest[:12] for digest in sorted(outcome.elsewhere))
        lines.append(
            f"{DECLARED}: recorded in another environment ({made}; here {outcome.here[:12]}): "
            "bits may differ without anybody's doing"
        )
    if outcome.level is Level.R0 and PROOFS not in outcome.counts:
        lines.append("nothing was ever signed here: there were no proofs to check")
    if outcome.level is Level.R3 and not outcome.counts[SAGA].inputs:
        lines.append("no saga said anything in it: of decisions there was nothing to compare")
    if outcome.level.stages > 2 and outcome.model_digest is None:
        verb = "checked" if verify else "recomputed"
        lines.append(f"no model promoted: predictions and signals were not {verb}")
    return lines


def verdict(outcome: Outcome) -> str:
    """What a comparison came to. Equal is said of what was compared, and of nothing else."""
    if outcome.different:
        return "NOT EQUAL"
    if outcome.not_compared:
        return f"NOT COMPARED (nothing recorded of {', '.join(outcome.not_compared)})"
    if outcome.not_yet_recorded:
        return f"equal as far as recorded, {outcome.not_yet_recorded:,} not yet recorded"
    return "all equal"


def as_json(outcome: Outcome, ids: Ids) -> dict[str, Any]:
    """The same for programs."""
    return {
        "ticks": outcome.ticks,
        "seconds": outcome.seconds,
        "ticks_per_s": outcome.ticks / max(outcome.seconds, 1e-9),
        "different": outcome.different,
        "not_yet_recorded": outcome.not_yet_recorded,
        "not_compared": outcome.not_compared,
        "model_digest": outcome.model_digest,
        "level": outcome.level.name,
        "events": outcome.events,
        "hash": outcome.digest,
        "environment": outcome.here,
        "other_environments": sorted(outcome.elsewhere),
        "stages": {name: asdict(count) for name, count in outcome.counts.items()},
        "first": None if outcome.first is None else told(outcome.first, ids),
    }


def told(mismatch: Mismatch, ids: Ids) -> dict[str, Any]:
    """A difference in full: both sides decoded, and the names of what differs."""
    ours, theirs = mismatch.recomputed, mismatch.recorded
    recomputed = None
    if ours is not None:
        as_read = Record(ours.topic, 0, 0, ours.key, ours.value, ours.headers)
        recomputed = _decoded(as_read, LocalIds(ids))
    recorded = None if theirs is None else _decoded(theirs, ids)
    return {
        "stage": mismatch.stage,
        "sequence": mismatch.sequence,
        "recorded_at": theirs and f"{theirs.topic}/{theirs.partition}/{theirs.offset}",
        "differs": sorted(
            name
            for name in {*(recomputed or {}), *(recorded or {})}
            if (recomputed or {}).get(name) != (recorded or {}).get(name)
        ),
        "recomputed": recomputed,
        "recorded": recorded,
    }


def _decoded(record: Record, ids: Ids) -> dict[str, Any]:
    """Key, headers and fields of a record, whatever of them can be read."""
    key = None if record.key is None else record.key.decode(errors="replace")
    headers = {name: value.decode(errors="replace") for name, value in record.headers}
    try:
        fields: dict[str, Any] = msgspec.structs.asdict(wire.event_of(record, ids))
    except ValueError as unreadable:
        fields = {"value": repr(record.value), "unreadable": str(unreadable)}
    return {"key": key, **headers, **fields}
