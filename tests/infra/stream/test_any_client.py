"""Clients that know nothing of Tapedeck read its tape: Confluent's deserializer, and kcat."""

from __future__ import annotations

import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext
from msgspec.structs import fields

from events.envelope import Event, first_cause
from infra.config import Config
from infra.stream import kafka as ours
from infra.stream import wire
from infra.stream.schema_ids import SchemaIds
from schemas.catalog import TOPICS, TYPES, key_of, topic_of
from schemas.samples import samples_of
from tests.infra.tape_writer import write

DEADLINE_S = 30.0
TIME_US = 1_700_000_000_000_000
KCAT = shutil.which("kcat")


@pytest.fixture(scope="module")
def written(kafka: str, registry: str) -> Config:
    """A tape with one full sample of every type."""
    config = Config.load(
        {
            "TAPEDECK_KAFKA": kafka,
            "TAPEDECK_REGISTRY": registry,
            "TAPEDECK_NAMESPACE": f"t{uuid.uuid4().hex[:8]}",
        }
    )
    ours.ensure_topics(config)
    messages = [
        first_cause(event, source="test", sequence=f"{n:016d}", key=key_of(event), time_us=TIME_US)
        for n, event in enumerate(map(_sample, TYPES.values()), 1)
    ]
    write(config, SchemaIds(config), messages)
    return config


@pytest.fixture(scope="module")
def fetched(written: Config) -> dict[str, Message]:
    """What a plain consumer finds on all topics, by the type that its header names."""
    client = Consumer(
        {
            "bootstrap.servers": written.kafka,
            "group.id": f"{written.namespace}.any",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    names = {ours.topic_name(written, topic_of(kind).name) for kind in TYPES.values()}
    places = [(name, number) for name in names for number in ours.partitions_of(client, name)]
    client.assign([TopicPartition(*place, OFFSET_BEGINNING) for place in places])
    found: dict[str, Message] = {}
    deadline_s = time.monotonic() + DEADLINE_S
    while len(found) < len(TYPES) and time.monotonic() < deadline_s:
        record = client.poll(0.5)
        if record is not None and record.error() is None:
            kind = dict(record.headers() or ())["ce_type"]
            assert isinstance(kind, bytes)
            found[kind.decode()] = record
    missing = [name for name in TYPES if f"tapedeck.{name}" not in found]
    held = {place: ours.bounds(client, *place) for place in places} if missing else {}
    client.close()
    assert not missing, f"no {missing} in {DEADLINE_S:.0f} s; the partitions hold {held}"
    return found


@pytest.fixture(scope="module")
def deserializer(registry: str) -> Iterator[AvroDeserializer]:
    with SchemaRegistryClient({"url": registry}) as client:
        yield AvroDeserializer(client)


@pytest.mark.parametrize("name", TYPES)
def test_the_deserializer_of_confluent_reads_every_type(
    written: Config, fetched: dict[str, Message], deserializer: AvroDeserializer, name: str
) -> None:
    record = fetched[f"tapedeck.{name}"]
    topic = record.topic() or ""
    assert topic == ours.topic_name(written, topic_of(TYPES[name]).name)
    found = deserializer(record.value(), SerializationContext(topic, MessageField.VALUE))
    assert isinstance(found, dict)
    assert list(found) == [field.name for field in fields(TYPES[name])]


@pytest.mark.skipif(KCAT is None, reason="kcat is not installed")
def test_kcat_shows_the_headers_and_the_key(written: Config) -> None:
    kind = TOPICS[0].carries[0]
    topic = ours.topic_name(written, topic_of(kind).name)
    told = subprocess.run(
        [str(KCAT), "-C", "-b", written.kafka, "-t", topic, "-e", "-f", "%h %k\n"],
        capture_output=True,
        encoding="utf-8",
        timeout=DEADLINE_S,
        check=True,
    ).stdout
    headers, key = told.strip().split(" ", 1)
    shown = dict(header.split("=", 1) for header in headers.split(","))
    assert (shown["ce_type"], key) == (f"tapedeck.{kind.__name__}", key_of(_sample(kind)))
    assert shown["ce_time"] == wire.rfc3339(TIME_US)
    assert {"ce_specversion", "ce_id", "ce_source", "ce_sequence", "traceparent"} <= set(shown)


def _sample(kind: type[Event]) -> Event:
    """The full one."""
    return samples_of(kind)[0]
