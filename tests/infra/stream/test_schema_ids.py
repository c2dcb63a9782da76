"""What a role sees of the registry: ids, writers' schemas, and the two ways of not having them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.common._httpx_compat import httpx

from commands.executions import OpenExecution
from events.market import TickReceived
from infra.config import Config
from infra.embedded.process import free_ports
from infra.stream import frozen
from infra.stream.schema_ids import RegistryAway, SchemaIds, SchemaRefused, UnknownSchema
from schemas.catalog import TYPES
from schemas.codec import Undecodable, decode, encode
from schemas.derive import schema_of
from schemas.samples import samples_of

TICK = samples_of(TickReceived)[0]


def ids_at(url: str, patience_s: float = 5.0) -> SchemaIds:
    return SchemaIds(Config.load({"TAPEDECK_REGISTRY": url}), patience_s)


@pytest.fixture
def ids(registry: str) -> SchemaIds:
    return ids_at(registry)


def answering(status: int, body: dict[str, Any]) -> Callable[..., httpx.Response]:
    """A registry that has one answer to everything."""

    def answer(*_args: Any, **_kwargs: Any) -> httpx.Response:
        return httpx.Response(status, json=body)

    return answer


def test_every_class_is_registered_under_its_name_and_kept_compatible(
    ids: SchemaIds, registry: str
) -> None:
    ids.register_all()
    ids_at(registry).register_all()
    with SchemaRegistryClient({"url": registry}) as client:
        assert {f"tapedeck.{name}" for name in TYPES} <= set(client.get_subjects())
        for name, kind in TYPES.items():
            level = client.get_config(f"tapedeck.{name}").compatibility_level
            assert level == "FULL_TRANSITIVE"
            latest = client.get_latest_version(f"tapedeck.{name}")
            assert latest.schema_id == ids.id_of(kind)
            assert json.loads(str(client.get_schema(ids.id_of(kind)).schema_str)) == schema_of(kind)


def test_whoever_asks_first_registers_every_version_and_the_oldest_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else the one that all roles write would not be what a new registry calls the latest."""
    given: list[Any] = []

    def register(_client: object, _subject: str, schema: Schema) -> int:
        given.append(json.loads(str(schema.schema_str)))
        return len(given)

    monkeypatch.setattr(SchemaRegistryClient, "register_schema", register)
    versions = [one.schema for one in frozen.versions_named(OpenExecution.__name__)]
    assert len(versions) > 1
    assert ids_at("http://127.0.0.1:1").id_of(OpenExecution) == len(versions)
    assert given == versions


def test_what_was_written_under_an_id_is_read_by_that_id(ids: SchemaIds, registry: str) -> None:
    name, writer = ids_at(registry).writer(ids.id_of(TickReceived))
    assert decode(name, encode(TICK), writer) == TICK


def test_an_id_that_nobody_registered_is_unknown(ids: SchemaIds) -> None:
    for _ in range(2):
        with pytest.raises(UnknownSchema):
            ids.writer(2_000_000_000)


def test_a_schema_of_somebody_else_is_undecodable(ids: SchemaIds, registry: str) -> None:
    with SchemaRegistryClient({"url": registry}) as client:
        foreign = client.register_schema("somebody-elses", Schema('"string"', "AVRO"))
    for _ in range(2):
        with pytest.raises(Undecodable, match="not a type of this tape"):
            ids.writer(foreign)


def test_a_registry_that_is_away_is_not_taken_for_an_unknown_id() -> None:
    ids = ids_at(f"http://127.0.0.1:{free_ports(1)[0]}", patience_s=0.3)
    with pytest.raises(RegistryAway, match="does not answer"):
        ids.writer(1)
    with pytest.raises(RegistryAway, match="does not answer"):
        ids.id_of(TickReceived)
    with pytest.raises(RegistryAway, match="does not answer"):
        ids.register_all()


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (404, 40403, UnknownSchema),
        (404, 404, RegistryAway),
        (500, 50001, RegistryAway),
        (401, 40101, RegistryAway),
        (429, 42901, RegistryAway),
        (409, 409, SchemaRefused),
        (422, 42201, SchemaRefused),
    ],
)
def test_an_answer_says_what_to_do(
    status: int, code: int, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {"error_code": code, "message": "said so"}
    monkeypatch.setattr(httpx.Client, "request", answering(status, body))
    with pytest.raises(error, match="said so"):
        ids_at("http://127.0.0.1:1").writer(1)


def test_a_registry_that_comes_back_in_time_is_waited_for(
    registry: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    really, failures = httpx.Client.request, [httpx.ConnectError("away")] * 2

    def request(*args: Any, **kwargs: Any) -> httpx.Response:
        if failures:
            raise failures.pop()
        return really(*args, **kwargs)

    monkeypatch.setattr(httpx.Client, "request", request)
    assert ids_at(registry).id_of(TickReceived) == ids_at(registry).id_of(TickReceived)
    assert failures == []
