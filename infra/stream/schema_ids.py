"""The registry as a role sees it: ids of our classes, and the schemas behind ids on the tape."""

from __future__ import annotations

import json
import time
import weakref
from collections.abc import Callable
from functools import partial
from threading import Lock
from typing import TypeVar

from confluent_kafka.schema_registry import (
    ConfigCompatibilityLevel,
    SchemaRegistryClient,
    ServerConfig,
)
from confluent_kafka.schema_registry import Schema as RegistrySchema

# The HTTP library that the client itself found; which of two that is, it decides at import.
from confluent_kafka.schema_registry.common._httpx_compat import httpx
from confluent_kafka.schema_registry.error import SchemaRegistryError

from events.envelope import Event
from infra.config import Config
from infra.stream import frozen
from schemas import writers
from schemas.catalog import TYPES
from schemas.codec import Undecodable
from schemas.derive import Schema, full_name, schema_of

REQUEST_TIMEOUT_S = 5
PATIENCE_S = 60.0
RETRY_FIRST_S, RETRY_LAST_S = 0.1, 2.0
UNKNOWN_FOR_S = 5.0
LEVEL = ConfigCompatibilityLevel.FULL_TRANSITIVE
SCHEMA_NOT_FOUND = 40403
LEVEL_NOT_SET = (40401, 40408)

T = TypeVar("T")


class RegistryAway(ConnectionError):
    """The registry does not answer, or says that it cannot: wait, nothing is known to be wrong."""


class UnknownSchema(LookupError):
    """The registry is there and has no schema of this id: the record was never one of ours."""


class SchemaRefused(RuntimeError):
    """The registry refuses a schema of ours: another version of Tapedeck wrote to this tape."""


class SchemaIds:
    """Cached for ever, because ids are immutable; safe to share between threads.

    `id_of` and `register_all` wait up to `patience_s` for a registry that is away; `writer`
    asks once, because its caller holds a partition and must go on answering.
    """

    def __init__(self, config: Config, patience_s: float = PATIENCE_S) -> None:
        self._url = config.registry
        self._patience_s = patience_s
        self._client = SchemaRegistryClient(
            {"url": config.registry, "timeout": REQUEST_TIMEOUT_S, "max.retries": 0}
        )
        weakref.finalize(self, self._client.close)
        self._ids: dict[type[Event], int] = {}
        self._writers: dict[int, tuple[str, Schema] | str] = {}
        self._unknown_until_s: dict[int, float] = {}
        self._lock = Lock()

    def register_all(self) -> None:
        """Every class of the catalog under its subject, which is FULL_TRANSITIVE from then on."""
        for kind in TYPES.values():
            self._patiently(partial(self._demand_full, full_name(kind)))
            self.id_of(kind)

    def id_of(self, kind: type[Event]) -> int:
        """The id under which events of this class are written; registers the class if need be.

        Every version that was ever frozen, oldest first, whoever asks first: a registry that is
        new, or has been made to forget one, judges what comes against all of them, and calls the
        newest the latest.
        """
        known = self._ids.get(kind)
        if known is not None:
            return known
        with self._lock:
            if kind not in self._ids:
                for older in frozen.versions_named(kind.__name__)[:-1]:
                    self._registered(kind, older.schema)
                self._ids[kind] = self._registered(kind, schema_of(kind))
        return self._ids[kind]

    def _registered(self, kind: type[Event], schema: Schema) -> int:
        written = RegistrySchema(json.dumps(schema), "AVRO")
        return self._patiently(partial(self._client.register_schema, full_name(kind), written))

    def writer(self, schema_id: int) -> tuple[str, Schema]:
        """Type name and writer's schema of an id.

        `UnknownSchema` if there is none, `Undecodable` if it must not be used, `RegistryAway` if
        that cannot be known now.
        """
        known = self._writers.get(schema_id)
        if known is None:
            known = self._fetched(schema_id)
        if isinstance(known, str):
            raise Undecodable(known)
        return known

    def _fetched(self, schema_id: int) -> tuple[str, Schema] | str:
        if self._unknown_until_s.get(schema_id, 0.0) > time.monotonic():
            raise UnknownSchema(f"schema id {schema_id} is not in the registry")
        try:
            text = self._asked(partial(self._client.get_schema, schema_id)).schema_str
        except UnknownSchema:
            self._unknown_until_s = {schema_id: time.monotonic() + UNKNOWN_FOR_S}
            raise
        try:
            self._writers[schema_id] = writers.parsed(text or "")
        except Undecodable as unusable:
            self._writers[schema_id] = str(unusable)
        return self._writers[schema_id]

    def _demand_full(self, subject: str) -> None:
        """Written only where it does not hold yet, so that a start leaves no trace."""
        try:
            held = self._client.get_config(subject).compatibility_level
        except SchemaRegistryError as answer:
            if answer.error_code not in LEVEL_NOT_SET:
                raise
            held = None
        if held != LEVEL:
            self._client.set_config(subject, ServerConfig(compatibility=LEVEL))

    def _patiently(self, ask: Callable[[], T]) -> T:
        deadline_s = time.monotonic() + self._patience_s
        wait_s = RETRY_FIRST_S
        while True:
            try:
                return self._asked(ask)
            except RegistryAway:
                if time.monotonic() + wait_s > deadline_s:
                    raise
            time.sleep(wait_s)
            wait_s = min(RETRY_LAST_S, wait_s * 2)

    def _asked(self, ask: Callable[[], T]) -> T:
        try:
            return ask()
        except (httpx.HTTPError, json.JSONDecodeError) as away:
            raise RegistryAway(f"the registry at {self._url} does not answer: {away}") from away
        except SchemaRegistryError as answer:
            if answer.error_code == SCHEMA_NOT_FOUND:
                raise UnknownSchema(answer.error_message) from answer
            if answer.http_status_code in (409, 422):
                raise SchemaRefused(answer.error_message) from answer
            raise RegistryAway(f"the registry at {self._url} answers {answer}") from answer
