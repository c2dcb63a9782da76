"""One file for an auditor: the events of a time, their proofs, and what verifies them.

`verify.py` inside needs nothing but Python. Events stand as the bytes that are proven, and as the
JSON that these bytes say under the schema they were written with: who verifies reads them again,
and refuses other JSON. Of the schemas and the manifest nothing is proven.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg.sql import SQL, Identifier

from infra.proofs import ed25519, leaf, payload, standalone, tables
from infra.proofs.encoding import base64
from infra.proofs.export import Exporter
from infra.proofs.tree import ProofError, inclusion
from infra.store import read_models
from infra.store.postgres import Connection
from infra.stream.wire import Ids

CONTEXT = ("ModelTrained", "ModelPromoted", "LimitsSet")
"""What was in force is told by earlier events, which are put in as well."""

EVENTS = """
select l.log, l."index", l.data
from {schema}.audit a join proof_leaves l on l.message_id = a.message_id
where (a.time_us >= %(start)s and a.time_us < %(end)s)
   or (a.type = any(%(context)s) and a.time_us < %(end)s)
order by l.log, l."index"
"""


PARTS = {"ed25519": ed25519, "payload": payload}
_IMPORT = re.compile(r"^from infra\.proofs\.(\w+) import .*\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Content:
    """What a bundle holds."""

    events: int
    logs: int


def write(
    file: Path,
    connection: Connection,
    conninfo: str,
    exporter: Exporter,
    policy: str,
    ids: Ids,
    span_us: tuple[int, int],
) -> Content:
    """Write the bundle of what happened from the first time up to the second (UTC microseconds)."""
    query = SQL(EVENTS).format(schema=Identifier(read_models.read_schema(conninfo)))
    asked = {"start": span_us[0], "end": span_us[1], "context": list(CONTEXT)}
    rows = connection.execute(query, asked).fetchall()
    if not rows:
        raise ProofError("nothing was audited in that time")
    highest = {row[0]: row[1] for row in rows}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as bundle:
        sizes = {}
        for log, index in highest.items():
            kept, note = exporter.checkpoint(log, index)
            sizes[log] = kept.size
            bundle.writestr(_checkpoint_of(log), note.written())
        writers = {number: ids.writer(number) for number in sorted(map(_schema_id, rows))}
        for number, (kind, writer) in writers.items():
            bundle.writestr(f"schemas/{number}-{kind}.json", json.dumps(writer, default=str))
        events = list(_events(connection, rows, sizes, writers))
        bundle.writestr("events.jsonl", "".join(map(_line, events)))
        bundle.writestr("policy", policy)
        bundle.writestr("verify.py", verifier())
        told = {"from_us": span_us[0], "to_us": span_us[1], "events": len(rows), "logs": sizes}
        told |= _in_force(events, span_us[0])
        bundle.writestr("manifest.json", json.dumps(told, indent=1, sort_keys=True))
    return Content(len(rows), len(highest))


def verifier() -> str:
    """The text of `verify.py`: the stand-alone verifier and its parts, in one file."""

    def part(found: re.Match[str]) -> str:
        return Path(str(PARTS[found[1]].__file__)).read_text() + "\n"

    return _IMPORT.sub(part, Path(standalone.__file__).read_text())


def _events(
    connection: Connection, rows: list[Any], sizes: dict[str, int], writers: dict[int, Any]
) -> Iterator[dict[str, Any]]:
    tree: tuple[str, Any] = ("", None)
    for log, index, data in rows:
        if tree[0] != log:
            tree = (log, tables.tiled(connection, log).node)
        read = leaf.read(bytes(data))
        kind, writer = writers[read.schema_id]
        yield {
            "message_id": read.envelope.message_id,
            "type": kind,
            "time_us": read.envelope.time_us,
            "checkpoint": _checkpoint_of(log),
            "index": index,
            "path": [base64(each) for each in inclusion(index, sizes[log], tree[1])],
            "leaf": base64(bytes(data)),
            "payload": payload.read_payload(writer, read.payload),
        }


def _line(event: dict[str, Any]) -> str:
    return json.dumps(event, sort_keys=True) + "\n"


def _in_force(events: list[dict[str, Any]], start_us: int) -> dict[str, dict[str, str]]:
    """Where it is told how each model was trained, and which limits held as the time began."""
    models, limits = {}, {}
    for event in events:
        if event["type"] == "ModelTrained":
            models[event["payload"]["model_digest"]] = event["message_id"]
        if event["type"] == "LimitsSet" and event["time_us"] < start_us:
            limits[event["payload"]["account"]] = event["message_id"]
    return {"models": models, "limits": limits}


def _checkpoint_of(log: str) -> str:
    return f"checkpoints/{log.replace('/', '-')}"


def _schema_id(row: Any) -> int:
    return leaf.read(bytes(row[2])).schema_id
