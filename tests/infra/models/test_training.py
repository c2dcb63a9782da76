"""`tapedeck train`: from the tape to a promoted model, and twice to the same one."""

from __future__ import annotations

import argparse
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from commands.models import MODELS
from events.envelope import Event, first_cause
from events.market import TickReceived
from events.models import ModelPromoted, ModelTrained
from events.predictions import FeaturesComputed
from infra.config import Config, ConfigError
from infra.models import files, training
from infra.models.environment import environment_digest
from infra.models.rows import collected
from infra.observe.progress import Progress
from infra.store import postgres
from infra.store.event_store import EventStore
from infra.stream import kafka, wire
from infra.stream.schema_ids import SchemaIds
from infra.up import first_model
from processors.training.course import train_from
from processors.training.dataset import dataset_of
from processors.training.stream import features_of
from schemas.catalog import TOPICS, key_of
from tests.processors.training.rows import foretelling
from tests.processors.walks import START_US, tick

EVENTS = foretelling(bars=700)
TICKS = [tick(n * 4.0, 1.0 + (n * n * 37 % 101) / 1024, source_seq=n) for n in range(400)]


def arguments(*given: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    training.configure(parser)
    return parser.parse_args(given)


def put_on_tape(config: Config, events: list[Any], *, repeat: int = 0) -> None:
    """The events as their writers write them; the last `repeat` of them twice."""
    kafka.ensure_topics(config, [t for t in TOPICS if t.name.startswith(("market", "feature"))])
    ids, producer = SchemaIds(config), kafka.producer(config, linger_ms=20)
    numbered = list(enumerate(events))
    for number, event in [*numbered, *numbered[len(numbered) - repeat :]]:
        produce(config, producer, wire.write(message(event, number), ids))
    assert producer.flush(30) == 0


def message(event: Event, number: int) -> Any:
    return first_cause(
        event, source="test", sequence=f"{number:016d}", key=key_of(event), time_us=number
    )


def produce(config: Config, producer: Any, record: wire.Outgoing) -> None:
    producer.produce(
        kafka.topic_name(config, record.topic),
        record.value,
        record.key,
        headers=record.headers,
    )


def models(config: Config, model: str) -> list[Event]:
    store = EventStore.open(postgres.address(config.postgres, config.namespace))
    _, messages = store.load(f"{MODELS.name}:{model}")
    return [message.event for message in messages]


def test_training_twice_on_a_tape_gives_one_promoted_model(
    config: Config, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put_on_tape(config, EVENTS)
    wanted = arguments("--promote", "always", "--report", str(tmp_path / "report"))
    assert training.main(config, wanted) == 0
    assert training.main(config, arguments("--promote", "always")) == 0
    trained, promoted = models(config, "gbt-10s-60s")
    assert isinstance(trained, ModelTrained)
    assert isinstance(promoted, ModelPromoted)
    assert promoted.model_digest == trained.model_digest
    assert trained.environment_digest == environment_digest(config)
    assert trained.dataset_digest == dataset_of(EVENTS, 10, 60).digest
    assert files.load(config, promoted.model_digest).horizon_s == 60
    assert len(list(files.folder(config).glob("*.ubj"))) == 1
    page = (tmp_path / "report" / "gbt-10s-60s.md").read_text()
    assert promoted.model_digest in page
    assert "<svg" in (tmp_path / "report" / "gbt-10s-60s.svg").read_text()
    assert promoted.model_digest in capsys.readouterr().out


def test_a_model_may_be_kept_without_promoting_it(config: Config) -> None:
    put_on_tape(config, EVENTS)
    assert training.main(config, arguments("--promote", "never")) == 0
    assert [type(event) for event in models(config, "gbt-10s-60s")] == [ModelTrained]


def test_only_a_model_that_beats_the_base_rate_is_promoted_unasked() -> None:
    report = train_from(dataset_of(EVENTS, 10, 60), embargo_s=60, threads=1).report
    base = report.base_rate_log_loss
    assert training.beats_the_base_rate(replace(report, log_loss=base - 0.001))
    assert not training.beats_the_base_rate(replace(report, log_loss=base))


def test_a_tape_that_is_too_short_is_one_line(
    config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    put_on_tape(config, EVENTS[:100])
    assert training.main(config, arguments()) == 1
    assert "let the tape run for longer" in capsys.readouterr().err
    assert models(config, "gbt-10s-60s") == []


def test_repeats_and_rubbish_on_the_tape_are_no_rows(config: Config) -> None:
    put_on_tape(config, EVENTS[:300], repeat=40)
    producer = kafka.producer(config)
    producer.produce(kafka.topic_name(config, "feature-events"), b"\x00rubbish", b"EURUSD")
    assert producer.flush(30) == 0
    seen: list[tuple[int, int]] = []
    rows = rows_of(config, "features", seen)
    assert rows.labelled(60).digest == dataset_of(EVENTS[:300], 10, 60).digest
    assert seen[-1] == (341, 341)
    assert seen == sorted(seen)


def test_ticks_give_the_features_that_the_live_steps_give(config: Config) -> None:
    ticks: list[TickReceived] = TICKS
    put_on_tape(config, ticks, repeat=5)
    rows = rows_of(config, "ticks", [])
    expected: list[FeaturesComputed] = list(features_of(ticks, 10))
    assert rows.labelled(60).digest == dataset_of(expected, 10, 60).digest


def test_a_stretch_of_event_time_may_be_chosen(config: Config) -> None:
    put_on_tape(config, EVENTS[:300])
    cut_us = EVENTS[100].as_of_us
    rows = rows_of(config, "features", [], to_us=cut_us).labelled(60)
    assert rows.digest == dataset_of(EVENTS[:100], 10, 60).digest


def rows_of(config: Config, source: str, seen: list[tuple[int, int]], to_us: int = 2**62) -> Any:
    return collected(
        config,
        SchemaIds(config),
        source=source,
        timeframe_s=10,
        from_us=0,
        to_us=to_us,
        advance=lambda done, total: seen.append((done, total)),
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--horizon", "15"), "--horizon is 15; give a positive multiple of --timeframe, 10 s"),
        (("--horizon", "0"), "--horizon is 0"),
        (("--threads", "0"), "--threads is 0; give 1 or more"),
    ],
)
def test_a_wrong_option_is_named_before_anything_is_read(given: tuple[str, ...], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        training.main(Config.load({}), arguments(*given))


def test_times_are_utc_unless_they_say_otherwise(capsys: pytest.CaptureFixture[str]) -> None:
    plain = arguments("--from", "2023-11-14T22:10:00").start
    assert plain == arguments("--from", "2023-11-15T00:10:00+02:00").start == START_US
    with pytest.raises(SystemExit):
        arguments("--from", "yesterday")
    assert "'yesterday' is no time; give one such as" in capsys.readouterr().err


@pytest.mark.thorough
def test_figures_are_the_same_bytes_for_the_same_model() -> None:
    now_ms = 1_767_225_600_000
    config = Config.load({"TAPEDECK_SYMBOLS": "EURUSD,USDJPY"})
    one, other = first_model.course(config, now_ms), first_model.course(config, now_ms + 1000)
    assert one.model.ubj == other.model.ubj
    assert training.figures_of(config, one) == training.figures_of(config, other)
    figures = json.loads(training.figures_of(config, one))
    assert figures["report"]["model_digest"] == one.report.model_digest
    assert figures["report"]["symbols"] == ["EURUSD", "USDJPY"]


def test_progress_is_one_line_with_rate_and_rest() -> None:
    progress = Progress("reading", "records", io.StringIO())
    progress.at(250, 1_000)
    assert progress.line(2.0).endswith(" 25%  250 of 1,000 records, 125/s, 6 s left")
    progress.at(1_000, 1_000)
    assert progress.line(2.0).endswith("100%  1,000 of 1,000 records, 500/s")
