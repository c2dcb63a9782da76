"""The role `processor NAME`: one processor of the tape on one of the two hosts."""

from __future__ import annotations

import logging
import threading
from importlib import import_module

from confluent_kafka import KafkaException

from infra import collector
from infra.config import Config
from infra.run.processing import Stage
from infra.run.started import started
from infra.stream import kafka
from infra.stream.schema_ids import RegistryAway, SchemaIds
from processors import PROCESSORS
from schemas.catalog import topic_of

HOSTS = {"faust": "infra.run.faust_host", "bulk": "infra.run.bulk"}
INFERENCE = "inference"

log = logging.getLogger(__name__)


def run(config: Config, stop: threading.Event, name: str, host: str = "faust") -> None:
    """Run the processor called `name` until `stop` is set."""
    if name == INFERENCE:
        from infra.run.promotions import run_promoted  # models only where they are used

        run_promoted(config, stop, lambda stage, until: hosted(config, until, stage, host))
        return
    processor = next((p for p in PROCESSORS if p.name == name), None)
    if processor is None:
        known = ", ".join([*(p.name for p in PROCESSORS), INFERENCE])
        raise ValueError(f"there is no processor {name!r}; give one of {known}")
    for wait_s in kafka.backoff_s():
        try:
            ids = SchemaIds(config)
            stage = Stage(processor, ids)
            started(config, ids, processor.name)
        except (RegistryAway, KafkaException) as away:
            log.warning("waiting: %s", away)
        else:
            hosted(config, stop, stage, host)
            return
        if stop.wait(wait_s):
            return


def hosted(config: Config, stop: threading.Event, stage: Stage, host: str) -> None:
    """Run a stage on one kind of host, once Kafka answers; only that kind is imported."""
    if topic_of(stage.processor.reads).decisions:
        raise ValueError(
            f"{stage.processor.name} reads decisions; a host may set aside what it cannot read, "
            "and a decision must not be set aside"
        )
    if kafka_answers(config, stop):
        run_host = import_module(HOSTS[host]).run
        collector.relax()
        run_host(config, stop, stage)


def kafka_answers(config: Config, stop: threading.Event) -> bool:
    """Wait for Kafka; False if `stop` was set first."""
    client = kafka.admin(config)
    for wait_s in kafka.backoff_s():
        try:
            client.list_topics(timeout=kafka.REQUEST_TIMEOUT_S)
        except KafkaException as away:
            log.warning("waiting for Kafka at %s: %s", config.kafka, away)
        else:
            return True
        if stop.wait(wait_s):
            break
    return False
