"""Inference with the model that was promoted last, and with the next as soon as there is one."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from confluent_kafka import Consumer, KafkaException

from events.models import ModelPromoted
from infra.config import Config
from infra.models import files
from infra.run.processing import Stage
from infra.run.started import started
from infra.stream import kafka, tape, wire
from infra.stream.schema_ids import RegistryAway, SchemaIds
from infra.stream.wire import Ids, Record
from processors.inference import inference
from processors.models.gbt import ModelRefused
from schemas.catalog import topic_of

LOOK_EVERY_S = 1.0

log = logging.getLogger(__name__)

Host = Callable[[Stage, threading.Event], None]


def run_promoted(config: Config, stop: threading.Event, host: Host) -> None:
    """Host inference with the promoted model until `stop`; start over when another is promoted."""
    ids = SchemaIds(config)
    while not stop.is_set():
        digest = _awaited(config, ids, stop)
        if digest is None:
            return
        try:
            stage = Stage(inference(files.load(config, digest)), ids)
            started(config, ids, stage.processor.name)
        except (ModelRefused, RegistryAway, KafkaException) as wrong:
            log.error("no inference with model %s: %s", digest[:12], wrong)
            stop.wait(LOOK_EVERY_S)
            continue
        log.info("inference with model %s", digest[:12])
        until = threading.Event()
        watch = threading.Thread(
            target=_watch, args=(config, ids, digest, stop, until), name="promotions"
        )
        watch.start()
        try:
            host(stage, until)
        finally:
            until.set()
            watch.join()


def promoted(config: Config, client: Consumer, ids: Ids) -> str | None:
    """The digest of the model that was promoted last, if one ever was: by the decisions' own log,
    whose numbers grow whatever the clocks do."""
    topic = kafka.topic_name(config, topic_of(ModelPromoted).name)
    found = [
        tape.newest(client, topic, partition, lambda record: _is_promotion(record, ids))
        for partition in kafka.partitions_of(client, topic)
    ]
    messages = [wire.read(record, ids) for record in found if record is not None]
    if not messages:
        return None
    return str(max(messages, key=lambda m: m.envelope.sequence).event.model_digest)


def _awaited(config: Config, ids: Ids, stop: threading.Event) -> str | None:
    """The promoted model, waited for; None once `stop` is set."""
    with tape.reader(config) as client:
        while not stop.is_set():
            try:
                digest = promoted(config, client, ids)
            except (KafkaException, RegistryAway) as away:
                log.warning("the promoted model is not known yet: %s", away)
            else:
                if digest is not None:
                    return digest
            stop.wait(LOOK_EVERY_S)
    return None


def _watch(
    config: Config, ids: Ids, digest: str, stop: threading.Event, until: threading.Event
) -> None:
    """Set `until` when `stop` is set or another model is promoted."""
    with tape.reader(config) as client:
        while not until.is_set() and not stop.wait(LOOK_EVERY_S):
            try:
                if promoted(config, client, ids) not in (digest, None):
                    break
            except (KafkaException, RegistryAway) as away:
                log.warning("promotions cannot be seen: %s", away)
    until.set()


def _is_promotion(record: Record, ids: Ids) -> bool:
    return isinstance(wire.event_of(record, ids), ModelPromoted)
