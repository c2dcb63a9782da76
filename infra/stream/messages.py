"""Messages of many records at once: what `wire.read` reads of each.

Headers that are named and ordered as ours are read column by column. All others, and those that
cannot be read, are left to `wire`, which reads them one by one or says what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from events.envelope import Envelope, Message, Position
from infra.stream import identifiers, wire
from infra.stream.consequences import Column, Foreign, causes_of, column_of
from infra.stream.headings import ID_CHARS, TIME_CHARS
from infra.stream.identity import NAME_CHARS_MAX, name
from infra.stream.wire import SEQUENCE_AT, Ids, Record

_HEX = np.isin(np.arange(256), np.frombuffer(b"0123456789abcdefABCDEF", np.uint8))
_MINUTE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:", re.ASCII)
_MINUTE_CHARS = 17
_DIGITS_AT = [17, 18, 20, 21, 22, 23, 24, 25]
_POINT_AT, _ZONE_AT = 19, 26
_WORTH_US = np.array([10_000_000, 1_000_000, 100_000, 10_000, 1_000, 100, 10, 1])
_IN_SEQUENCES = b"0123456789."
_WITH_CAUSE = 12


def read_all(records: Sequence[Record], ids: Ids) -> list[Message[Any]]:
    """The messages of many, in their order; raises as `wire.read` does of one of them."""
    events = wire.events_of(records, ids)
    if not records or any(record.key is None for record in records):
        return list(map(wire.message_of, records, events))
    try:
        envelopes = envelopes_of([record.headers for record in records])
        keys = _names([record.key or b"" for record in records], "the key")
    except (ValueError, TypeError, AttributeError):  # of one by one it is said what is wrong
        return list(map(wire.message_of, records, events))
    return [
        Message(event, key, envelope, Position(record.topic, record.partition, record.offset))
        for record, event, key, envelope in zip(records, events, keys, envelopes, strict=True)
    ]


def envelopes_of(headers: Sequence[Sequence[tuple[str, bytes]]]) -> list[Envelope]:
    """The envelopes in one or more headers that are ours; some `ValueError` if one is not."""
    columns = causes_of(headers)
    ids, correlations = _identifiers(columns.ids), _identifiers(columns.correlations)
    sources, tenants, actors = map(_texts, (columns.sources, columns.tenants, columns.actors))
    rows = zip(
        *(ids, sources, _sequences(columns.sequences), _times_us(columns.times)),
        *(correlations, _causes(headers), tenants, actors),
        strict=True,
    )
    return [
        Envelope(
            message_id=message_id,
            source=source,
            sequence=number,
            time_us=time_us,
            correlation_id=correlation_id,
            causation_id=causation_id,
            tenant=tenant,
            actor=actor,
        )
        for message_id, source, number, time_us, correlation_id, causation_id, tenant, actor in rows
    ]


def places_of(headers: Sequence[Sequence[tuple[str, bytes]]]) -> list[tuple[str, str]]:
    """Source and sequence of each, as `wire.place_of` gives them; `Foreign` if one is not ours."""
    sources = column_of(headers, SEQUENCE_AT - 1, "ce_source")
    sequences = column_of(headers, SEQUENCE_AT, "ce_sequence")
    return list(zip(_texts(sources), _sequences(sequences), strict=True))


def _texts(column: Column) -> list[str]:
    return _names([value for _, value in column], column[0][0])


def _names(values: Sequence[bytes], of: str) -> list[str]:
    """Few texts, many times."""
    texts = {value: name(value.decode(), of) for value in set(values)}
    return [texts[value] for value in values]


def _identifiers(column: Column) -> list[str]:
    return _uuids([value for _, value in column])


def _uuids(values: Sequence[bytes]) -> list[str]:
    digits = identifiers.digits_of(identifiers.rows_of(values))
    if not _HEX[digits].all():
        raise Foreign("not all identifiers are hexadecimal")
    text = b"".join(values).decode()
    return [text[at : at + ID_CHARS] for at in range(0, len(text), ID_CHARS)]


def _causes(headers: Sequence[Sequence[tuple[str, bytes]]]) -> Sequence[str | None]:
    """The identifiers of the causes, None of what has none."""
    caused = [n for n, each in enumerate(headers) if len(each) == _WITH_CAUSE]
    causes: list[str | None] = [None] * len(headers)
    if caused:
        for n, cause in zip(caused, _uuids([headers[n][-1][1] for n in caused]), strict=True):
            causes[n] = cause
    return causes


def _sequences(column: Column) -> list[str]:
    values = [value for _, value in column]
    if b"".join(values).translate(None, _IN_SEQUENCES) or max(map(len, values)) > NAME_CHARS_MAX:
        raise Foreign("a sequence is not a number")
    return b"\n".join(values).decode().split("\n")


def _times_us(column: Column) -> list[int]:
    """RFC 3339 as we write it, as UTC microseconds."""
    values = [value for _, value in column]
    if set(map(len, values)) != {TIME_CHARS}:
        raise Foreign("a time is not as we write it")
    rows = np.frombuffer(b"".join(values), np.uint8).reshape(-1, TIME_CHARS)
    digits = rows[:, _DIGITS_AT].astype(np.int64) - ord("0")
    if digits.min() < 0 or digits.max() > 9 or (digits[:, 0] > 5).any():
        raise Foreign("a time is not as we write it")
    if (rows[:, _POINT_AT] != ord(".")).any() or (rows[:, _ZONE_AT] != ord("Z")).any():
        raise Foreign("a time is not as we write it")
    minutes = [value[:_MINUTE_CHARS] for value in values]
    begun_us = {minute: _minute_us(minute.decode()) for minute in set(minutes)}
    rest_us = (digits @ _WORTH_US).tolist()
    return [begun_us[minute] + rest for minute, rest in zip(minutes, rest_us, strict=True)]


def _minute_us(text: str) -> int:
    if _MINUTE.fullmatch(text) is None:
        raise Foreign("a time is not as we write it")
    return wire.micros(text + "00Z")
