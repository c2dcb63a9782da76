"""What any Confluent-compatible registry does, through confluent-kafka's own client.

`TAPEDECK_REGISTRY` runs the same suite against another one.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import httpx
import pytest
from confluent_kafka.schema_registry import (
    ConfigCompatibilityLevel,
    Schema,
    SchemaRegistryClient,
    ServerConfig,
    record_subject_name_strategy,
)
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.serialization import MessageField, SerializationContext

from events.market import TickReceived
from events.orders import OrderFilled
from schemas.codec import decode, encode
from schemas.derive import schema_of
from schemas.samples import samples_of

CONTENT_TYPE = "application/vnd.schemaregistry.v1+json"
FULL = ConfigCompatibilityLevel.FULL_TRANSITIVE


@pytest.fixture
def client(registry: str) -> Iterator[SchemaRegistryClient]:
    """A client with an empty cache, so that every question reaches the registry."""
    with SchemaRegistryClient({"url": registry}) as made:
        yield made


@pytest.fixture
def subject() -> str:
    """A subject that no other test has."""
    return f"contract-{uuid.uuid4().hex[:12]}"


def schema(subject: str, *fields: str, required: str = "") -> Schema:
    """A record of optional fields, and perhaps a required one, that no other subject has."""
    listed: list[Any] = [{"name": f, "type": ["null", "string"], "default": None} for f in fields]
    listed += [{"name": required, "type": "string"}] if required else []
    name = "C" + subject.replace("-", "")
    return Schema(json.dumps({"type": "record", "name": name, "fields": listed}), "AVRO")


def refusal(ask: Callable[[], Any]) -> tuple[int, int]:
    with pytest.raises(SchemaRegistryError) as refused:
        ask()
    return refused.value.http_status_code, refused.value.error_code


def test_a_schema_is_registered_found_and_read_back(
    client: SchemaRegistryClient, subject: str, registry: str
) -> None:
    first = client.register_schema(subject, schema(subject, "a"))
    second = client.register_schema(subject, schema(subject, "a", "b"))
    assert second > first
    with SchemaRegistryClient({"url": registry}) as other:
        assert other.register_schema(subject, schema(subject, "a")) == first
        text = other.get_schema(first).schema_str
        assert json.loads(str(text)) == json.loads(str(schema(subject, "a").schema_str))
        assert other.get_versions(subject) == [1, 2]
        found = other.lookup_schema(subject, schema(subject, "a"))
        assert (found.schema_id, found.version) == (first, 1)
        assert other.get_version(subject, 1).schema_id == first
        assert other.get_latest_version(subject).schema_id == second
        assert subject in other.get_subjects()
        assert other.get_subjects_by_schema_id(first) == [subject]
        (place,) = other.get_schema_versions(first)
        assert (place.subject, place.version) == (subject, 1)
        assert "AVRO" in other.get_schema_types()


def test_a_schema_has_one_id_under_every_subject_and_in_every_spelling(
    client: SchemaRegistryClient, subject: str
) -> None:
    first = client.register_schema(subject, schema(subject, "a"))
    spelt = Schema(json.dumps(json.loads(str(schema(subject, "a").schema_str)), indent=3), "AVRO")
    assert client.register_schema(f"{subject}/other", spelt) == first
    assert client.get_versions(f"{subject}/other") == [1]


def test_what_is_not_there_is_said_to_be_missing(
    client: SchemaRegistryClient, subject: str
) -> None:
    assert refusal(lambda: client.get_versions(subject)) == (404, 40401)
    assert refusal(lambda: client.get_latest_version(subject)) == (404, 40401)
    assert refusal(lambda: client.lookup_schema(subject, schema(subject))) == (404, 40401)
    assert refusal(lambda: client.get_schema(2_000_000_000)) == (404, 40403)
    client.register_schema(subject, schema(subject, "a"))
    assert refusal(lambda: client.get_version(subject, 2)) == (404, 40402)
    assert refusal(lambda: client.lookup_schema(subject, schema(subject, "b"))) == (404, 40403)
    assert refusal(lambda: client.get_version(subject, 0)) == (422, 42202)


def test_what_is_no_schema_is_not_registered(client: SchemaRegistryClient, subject: str) -> None:
    for text in ("{", '{"type":"nonsense"}', "[" * 10_000):
        broken = Schema(text, "AVRO")
        assert refusal(partial(client.register_schema, subject, broken)) == (422, 42201)


def test_a_level_decides_what_may_follow(client: SchemaRegistryClient, subject: str) -> None:
    client.register_schema(subject, schema(subject, "a"))
    worse, better = schema(subject, "a", required="b"), schema(subject, "a", "c")
    assert refusal(lambda: client.get_config(subject)) == (404, 40408)
    client.set_config(subject, ServerConfig(compatibility=FULL))
    assert client.get_config(subject).compatibility_level == FULL.value
    assert client.test_compatibility(subject, better) is True
    assert client.test_compatibility(subject, worse) is False
    assert client.test_compatibility_all_versions(subject, worse) is False
    assert refusal(lambda: client.register_schema(subject, worse)) == (409, 409)
    client.set_config(subject, ServerConfig(compatibility=ConfigCompatibilityLevel.NONE))
    client.register_schema(subject, worse)
    client.delete_config(subject)
    assert refusal(lambda: client.get_config(subject)) == (404, 40408)


def test_a_verdict_names_its_reasons_when_asked(registry: str, subject: str) -> None:
    _posted(registry, f"/subjects/{subject}/versions", schema(subject, "a"))
    worse = schema(subject, required="b")
    path = f"/compatibility/subjects/{subject}/versions/latest"
    assert _posted(registry, path, worse).json() == {"is_compatible": False}
    verbose = _posted(registry, f"{path}?verbose=true", worse).json()
    assert verbose["is_compatible"] is False
    assert any("b" in message for message in verbose["messages"])
    assert _posted(registry, path.replace("latest", "9"), worse).json()["error_code"] == 40402
    unseen = f"/compatibility/subjects/{subject}-unseen/versions/latest"
    assert _posted(registry, unseen, worse).json()["is_compatible"] is True


def test_an_unknown_level_is_refused(registry: str, subject: str) -> None:
    answer = httpx.put(f"{registry}/config/{subject}", json={"compatibility": "SIDEWAYS"})
    assert (answer.status_code, answer.json()["error_code"]) == (422, 42203)


def test_the_global_level_holds_where_there_is_no_other(
    client: SchemaRegistryClient, subject: str
) -> None:
    before = client.get_config().compatibility_level
    assert before is not None
    try:
        client.set_config(None, ServerConfig(compatibility=ConfigCompatibilityLevel.NONE))
        client.register_schema(subject, schema(subject, "a"))
        client.register_schema(subject, schema(subject, required="b"))
    finally:
        level = ConfigCompatibilityLevel(before)
        client.set_config(None, ServerConfig(compatibility=level))
    assert client.get_config().compatibility_level == before


def test_a_deleted_subject_is_hidden_and_its_ids_still_read(
    client: SchemaRegistryClient, subject: str, registry: str
) -> None:
    schema_id = client.register_schema(subject, schema(subject, "a"))
    assert refusal(lambda: client.delete_subject(subject, permanent=True)) in {
        (404, 40405),
        (404, 40401),
    }
    assert client.delete_subject(subject) == [1]
    with SchemaRegistryClient({"url": registry}) as other:
        assert subject not in other.get_subjects()
        assert refusal(lambda: other.get_versions(subject)) == (404, 40401)
        assert refusal(lambda: other.delete_subject(subject)) == (404, 40404)
        assert other.get_schema(schema_id).schema_str
        assert subject in httpx.get(f"{registry}/subjects?deleted=true").json()
        assert other.register_schema(subject, schema(subject, "a")) == schema_id
        assert other.get_versions(subject) == [2]


def test_a_version_is_deleted_softly_then_for_good(
    client: SchemaRegistryClient, subject: str, registry: str
) -> None:
    client.register_schema(subject, schema(subject, "a"))
    client.register_schema(subject, schema(subject, "a", "b"))
    path = f"{registry}/subjects/{subject}/versions/1"
    assert httpx.delete(f"{path}?permanent=true").json()["error_code"] == 40407
    assert client.delete_version(subject, 1) == 1
    assert httpx.delete(path).json()["error_code"] == 40406
    assert client.get_versions(subject) == [2]
    assert httpx.delete(f"{path}?permanent=true").json() == 1
    assert httpx.get(f"{path}?deleted=true").json()["error_code"] == 40402


def test_answers_carry_the_registrys_content_type(registry: str) -> None:
    for path in ("/subjects", "/config", "/schemas/ids/2000000000"):
        assert httpx.get(registry + path).headers["content-type"] == CONTENT_TYPE
    assert httpx.get(f"{registry}/mode").json() == {"mode": "READWRITE"}


def test_registrations_at_once_share_no_id_and_leave_no_gap(
    client: SchemaRegistryClient, subject: str, registry: str
) -> None:
    client.set_config(subject, ServerConfig(compatibility=ConfigCompatibilityLevel.NONE))
    wanted = [schema(subject, f"f{n % 8}") for n in range(24)]

    def register(one: Schema) -> int:
        with SchemaRegistryClient({"url": registry}) as other:
            return int(other.register_schema(subject, one))

    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(register, wanted))
    assert len(set(ids)) == 8
    assert ids == ids[:8] * 3
    assert client.get_versions(subject) == list(range(1, 9))


@pytest.mark.parametrize("kind", [TickReceived, OrderFilled])
def test_confluents_own_serialisers_read_and_write_our_bytes(
    client: SchemaRegistryClient, kind: type[Any]
) -> None:
    sample = samples_of(kind)[0]
    context = SerializationContext("any-topic", MessageField.VALUE)
    read = AvroDeserializer(client)
    write = AvroSerializer(
        client,
        json.dumps(schema_of(kind)),
        conf={"auto.register.schemas": True, "subject.name.strategy": record_subject_name_strategy},
    )
    schema_id = client.register_schema(
        f"tapedeck.{kind.__name__}", Schema(json.dumps(schema_of(kind)), "AVRO")
    )
    framed = b"\x00" + schema_id.to_bytes(4, "big") + encode(sample)
    values = read(framed, context)
    assert isinstance(values, dict)
    assert write(values, context) == framed
    assert decode(kind.__name__, framed[5:]) == sample


def _posted(registry: str, path: str, body: Schema) -> httpx.Response:
    headers = {"content-type": CONTENT_TYPE}
    return httpx.post(registry + path, json={"schema": body.schema_str}, headers=headers)
