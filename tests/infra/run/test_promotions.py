"""Which model was promoted last is said by the log of decisions, whatever the clocks said."""

from __future__ import annotations

from pathlib import Path

from events.envelope import first_cause
from events.models import ModelPromoted
from infra.config import Config
from infra.run.promotions import promoted
from infra.stream import tape, wire
from infra.stream.identity import EVENT_STORE
from infra.stream.kafka import ensure_topics
from processors.features import FEATURE_DIGEST
from schemas.catalog import topic_of
from tests.infra.market import IDS, all_of, put

NOW_US = 1_700_000_000_000_000


def promotion(number: int, time_us: int) -> wire.Outgoing:
    """A model of its own each: they are spread over the partitions."""
    event = ModelPromoted(
        model=f"model-{number}",
        model_digest=f"digest-{number}",
        feature_digest=FEATURE_DIGEST,
        timeframe_s=10,
        horizon_s=60,
    )
    cause = first_cause(
        event, source=EVENT_STORE, sequence=f"{number:016d}", key=event.model, time_us=time_us
    )
    return wire.write(cause, IDS)


def test_a_clock_that_was_set_back_brings_no_older_model(
    kafka: str, namespace: str, tmp_path: Path
) -> None:
    config = Config.load(
        {
            "TAPEDECK_HOME": str(tmp_path),
            "TAPEDECK_KAFKA": kafka,
            "TAPEDECK_NAMESPACE": namespace,
        }
    )
    topic = topic_of(ModelPromoted)
    ensure_topics(config, (topic,))
    with tape.reader(config) as client:
        assert promoted(config, client, IDS) is None
        put(config, [promotion(number, NOW_US - number * 1_000_000) for number in range(8, 13)])
        assert len({record.partition for record in all_of(config, topic.name)}) > 1
        assert promoted(config, client, IDS) == "digest-12"
