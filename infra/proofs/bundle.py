"""One file for an auditor: the events of a time, their proofs, and what verifies them.

`verify.py` inside needs nothing but Python. Events stand as the bytes that are proven; their JSON,
the schemas and the manifest are there to be read, and nothing is proven of them.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg.sql import SQL, Identifier

from infra.proofs import leaf, standalone, tables
from infra.proofs.encoding import base64
from infra.proofs.export import Exporter
from infra.proofs.tree import ProofError, inclusion
from infra.store import read_models
from infra.store.postgres import Connection
from infra.stream.wire import Ids

CONTEXT = ("ModelTrained", "ModelPromoted", "LimitsSet")
"""What was in force is told by earlier events, which are put in as well."""

EVENTS = """
select l.log, l."index", l.message_id, l.data, a.type, a.time_us, a.payload
from {schema}.audit a join proof_leaves l on l.message_id = a.message_id
where (a.time_us >= %(start)s and a.time_us < %(end)s)
   or (a.type = any(%(context)s) and a.time_us < %(end)s)
order by l.log, l."index"
"""


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
        bundle.writestr("events.jsonl", "".join(_lines(connection, rows, sizes)))
        for schema_id in sorted({_schema_id(bytes(row[3])) for row in rows}):
            kind, writer = ids.writer(schema_id)
            bundle.writestr(f"schemas/{schema_id}-{kind}.json", json.dumps(writer, default=str))
        bundle.writestr("policy", policy)
        bundle.writestr("verify.py", Path(standalone.__file__).read_text())
        told = {"from_us": span_us[0], "to_us": span_us[1], "events": len(rows), "logs": sizes}
        told |= _in_force(rows, span_us[0])
        bundle.writestr("manifest.json", json.dumps(told, indent=1, sort_keys=True))
    return Content(len(rows), len(highest))


def _lines(connection: Connection, rows: list[Any], sizes: dict[str, int]) -> Iterator[str]:
    tree: tuple[str, Any] = ("", None)
    for log, index, message_id, data, kind, time_us, payload in rows:
        if tree[0] != log:
            tree = (log, tables.tiled(connection, log).node)
        event = {
            "message_id": message_id,
            "type": kind,
            "time_us": time_us,
            "checkpoint": _checkpoint_of(log),
            "index": index,
            "path": [base64(each) for each in inclusion(index, sizes[log], tree[1])],
            "leaf": base64(bytes(data)),
            "payload": payload,
        }
        yield json.dumps(event, sort_keys=True) + "\n"


def _in_force(rows: list[Any], start_us: int) -> dict[str, dict[str, str]]:
    """Where it is told how each model was trained, and which limits held as the time began."""
    models, limits = {}, {}
    for _log, _index, message_id, _data, kind, time_us, payload in rows:
        if kind == "ModelTrained":
            models[payload["model_digest"]] = message_id
        if kind == "LimitsSet" and time_us < start_us:
            limits[payload["account"]] = message_id
    return {"models": models, "limits": limits}


def _checkpoint_of(log: str) -> str:
    return f"checkpoints/{log.replace('/', '-')}"


def _schema_id(data: bytes) -> int:
    return leaf.read(data).schema_id
