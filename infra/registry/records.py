"""The records of the schemas topic, as Confluent's own registry writes and reads them."""

from __future__ import annotations

import json
from typing import Any

Record = tuple[bytes, bytes | None]
"""Key and value; no value deletes the key."""

SCHEMA, CONFIG, DELETE_SUBJECT, NOOP = "SCHEMA", "CONFIG", "DELETE_SUBJECT", "NOOP"


def schema(subject: str, version: int, schema_id: int, text: str, deleted: bool) -> Record:
    """A version of a subject."""
    value = {
        "subject": subject,
        "version": version,
        "id": schema_id,
        "schema": text,
        "deleted": deleted,
    }
    return _schema_key(subject, version), _json(value)


def no_schema(subject: str, version: int) -> Record:
    """A version that is gone for ever."""
    return _schema_key(subject, version), None


def config(subject: str | None, level: str | None) -> Record:
    """A compatibility level, of a subject or of all of them; without one, the default again."""
    key = _json({"keytype": CONFIG, "subject": subject, "magic": 0})
    return key, None if level is None else _json({"compatibilityLevel": level})


def delete_subject(subject: str, up_to_version: int) -> Record:
    """Every version of the subject up to this one is soft-deleted."""
    key = _json({"keytype": DELETE_SUBJECT, "subject": subject, "magic": 0})
    return key, _json({"subject": subject, "version": up_to_version})


def no_delete_subject(subject: str) -> Record:
    """The subject itself is gone, and with it the mark that it was deleted."""
    return _json({"keytype": DELETE_SUBJECT, "subject": subject, "magic": 0}), None


def highest_id(schema_id: int) -> Record:
    """The highest id ever given, kept where Confluent's registry reads a key and no value.

    Without it, deleting the newest schema for good would let its id be given again.
    """
    return _json({"keytype": NOOP, "magic": 0}), _json({"maxId": schema_id})


def parsed(record: Record) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Key and value; `ValueError` if they are not JSON objects."""
    key, value = record
    return _object(key), None if value is None else _object(value)


def _object(data: bytes) -> dict[str, Any]:
    found = json.loads(data)
    if not isinstance(found, dict):
        raise ValueError(f"{data[:80]!r} is not a JSON object")
    return found


def _schema_key(subject: str, version: int) -> bytes:
    return _json({"keytype": SCHEMA, "subject": subject, "version": version, "magic": 1})


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
