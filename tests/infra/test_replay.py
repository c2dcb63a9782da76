"""A tape that is what its steps make of it is found equal; one changed bit is found and shown."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from events.bars import BarClosed
from events.envelope import Event, first_cause
from events.models import ModelPromoted
from infra import kafka, model_store, replay, replay_run, wire
from infra.config import Config
from infra.replay_range import EARLIEST, LATEST, Where, where
from infra.replay_run import Outcome
from infra.run.processing import Stage, fresh
from infra.wire import Outgoing, Record
from processors.bars import BARS
from processors.features import FEATURE_DIGEST, FEATURES_OF_BARS
from processors.inference import inference
from processors.processor import Processor
from processors.signals import SIGNALS
from schemas import codec
from tests.infra.market import IDS, all_of, put, record_of, tick

SYMBOLS = ("EURUSD", "XAUUSD")
TICKS_EACH, EVERY_US = 160, 5_000_000
TICKS, BARS_TOPIC, FEATURES, PREDICTIONS = (
    "market-data-events",
    "bar-events",
    "feature-events",
    "prediction-events",
)
EDIT = Callable[[list[Outgoing]], list[Outgoing]]


@dataclass(frozen=True)
class Stub:
    """A model that is as sure as its digest begins."""

    model_digest: str
    model: str = "stub"
    feature_digest: str = FEATURE_DIGEST
    environment_digest: str = "here"
    timeframe_s: int = 10
    horizon_s: int = 60
    sureness: tuple[float, ...] = (0.1, 0.2)

    def probabilities_up(self, rows: Sequence[tuple[float, ...]]) -> list[float]:
        return [int(self.model_digest[0]) / 10 for _ in rows]


@pytest.fixture
def market(kafka: str, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """A tape with ticks and a promoted model."""
    config = Config.load(
        {
            "TAPEDECK_HOME": str(tmp_path),
            "TAPEDECK_KAFKA": kafka,
            "TAPEDECK_NAMESPACE": namespace,
        }
    )
    _prepare(config)
    monkeypatch.setattr(model_store, "load", lambda _config, digest: Stub(digest))
    put(config, [promotion("3")])
    put(config, [record_of(_tick(s, n)) for n in range(1, TICKS_EACH + 1) for s in SYMBOLS])
    return config


def recorded(config: Config, processor: Processor[Any, Any, Any], edit: EDIT = list) -> None:
    """Write what a processor makes of the tape, changed by `edit`."""
    stage = Stage(processor, IDS)
    partitions = {n: fresh(n) for n in range(8)}
    caused: list[Outgoing] = []
    for record in all_of(config, stage.reads):
        caused += stage.advance(partitions[record.partition], record)
    put(config, edit(caused))


def whole(config: Config, bars: EDIT = list, features: EDIT = list) -> None:
    """A tape of all stages."""
    recorded(config, BARS, bars)
    recorded(config, FEATURES_OF_BARS, features)
    recorded(config, inference(Stub("3")))
    recorded(config, SIGNALS)


def replayed(config: Config, start: str = EARLIEST, end: str = LATEST) -> Outcome:
    return replay_run.replay(
        config, IDS, where(start), where(end), verify=True, shown=lambda _done, _total: None
    )


def counts(outcome: Outcome) -> dict[str, tuple[int, int, int]]:
    return {
        name: (count.equal, count.different, count.not_yet_recorded)
        for name, count in outcome.counts.items()
    }


def test_an_honest_tape_is_equal_to_the_last_bit(market: Config) -> None:
    whole(market)
    outcome = replayed(market)
    found = counts(outcome)
    sizes = {name: len(all_of(market, f"{name}-events")) for name in ("bar", "feature", "signal")}
    assert found["bars"] == (sizes["bar"], 0, 0)
    assert found["features"] == (sizes["feature"], 0, 0)
    assert found["inference"] == found["signals"] == (sizes["signal"], 0, 0)
    assert min(sizes.values()) > 10
    assert (outcome.ticks, outcome.different, outcome.first) == (2 * TICKS_EACH, 0, None)


def test_one_changed_bit_is_found_and_shown(
    market: Config, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole(market, bars=lambda out: [*out[:40], changed(out[40]), *out[41:]])
    outcome = replayed(market)
    assert {name: different for name, (_, different, _) in counts(outcome).items()} == {
        "bars": 1,
        "features": 0,
        "inference": 0,
        "signals": 0,
    }
    monkeypatch.setattr(replay, "SchemaIds", lambda _config: IDS)
    parser = argparse.ArgumentParser()
    replay.configure(parser)
    assert replay.main(market, parser.parse_args(["--verify", "--json"])) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["first"]["differs"] == ["close"]
    assert told["first"]["recorded"]["close"] != told["first"]["recomputed"]["close"]
    assert told["first"]["stage"] == "bars"
    assert replay.main(market, parser.parse_args([])) == 0


@pytest.mark.parametrize(
    ("edit", "different"),
    [
        (lambda out: [*out[:40], *out[41:]], 1),
        (lambda out: [*out[:40], unasked(out[40]), *out[40:]], 1),
        (lambda out: [*out[:40], reheaded(out[40], "ce_id"), *out[41:]], 1),
        (lambda out: [*out[:40], reheaded(out[40], "ce_correlationid"), *out[41:]], 1),
        (lambda out: [*out[:40], *out[20:40], *out[40:]], 0),
    ],
    ids=["missing", "unasked", "identity", "trace", "repeated"],
)
def test_what_is_missing_unasked_or_renamed_is_found_and_repeats_are_not(
    market: Config, edit: EDIT, different: int
) -> None:
    recorded(market, BARS, edit)
    assert counts(replayed(market))["bars"][1] == different


def test_what_a_processor_has_not_reached_yet_is_no_difference(market: Config) -> None:
    recorded(market, BARS)
    recorded(market, FEATURES_OF_BARS, lambda out: out[:-5])
    found = counts(replayed(market))
    features = len(all_of(market, FEATURES))
    assert found["features"] == (features, 0, 5)
    assert found["inference"] == (0, 0, len(meant(market)))


def test_only_the_range_asked_for_is_judged(market: Config) -> None:
    whole(market, bars=lambda out: [changed(out[0]), *out[1:]])
    cause = first_place(market)
    later = replayed(market, start=f"{TICKS}/{cause[0]}/{cause[1] + 1}")
    only = replayed(market, end=str(cause[1] + 1))
    assert counts(later)["bars"][1] == 0
    assert counts(only)["bars"][1] == 1
    assert later.ticks < 2 * TICKS_EACH


def test_each_prediction_is_recomputed_with_the_model_it_names(market: Config) -> None:
    recorded(market, BARS)
    recorded(market, FEATURES_OF_BARS)
    put(market, [promotion("8")])
    for number in {record.partition for record in meant(market)}:
        features = [record for record in meant(market) if record.partition == number]
        half = len(features) // 2
        put(market, predicted("3", features[:half]) + predicted("8", features[half:]))
    outcome = replayed(market)
    digests = {
        wire.event_of(record, IDS).model_digest  # type: ignore[attr-defined] # predictions only
        for record in all_of(market, PREDICTIONS)
    }
    assert digests == {"3", "8"}
    assert counts(outcome)["inference"][1:] == (0, 0)


def test_nothing_can_leave_a_replay(market: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    whole(market)

    class ReadOnly:
        def id_of(self, kind: type[Event]) -> int:
            raise AssertionError(f"a replay registers {kind}")

        def writer(self, schema_id: int) -> tuple[str, Any]:
            return IDS.writer(schema_id)

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a replay makes a producer")

    monkeypatch.setattr(kafka, "Producer", refuse)
    outcome = replay_run.replay(
        market,
        ReadOnly(),
        Where(EARLIEST),
        Where(LATEST),
        verify=True,
        shown=lambda _done, _total: None,
    )
    assert (outcome.different, outcome.ticks) == (0, 2 * TICKS_EACH)


def test_a_position_that_is_none_is_refused_with_what_to_give() -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="earliest, latest, an offset"):
        where("yesterday")
    assert where("2026-01-31T12:00:00Z").moment_ms == 1_769_860_800_000
    assert where("a/0/1,a/1/2").places == (("a", 0, 1), ("a", 1, 2))


def promotion(digest: str) -> Outgoing:
    event = ModelPromoted(
        model="stub",
        model_digest=digest,
        feature_digest=FEATURE_DIGEST,
        timeframe_s=10,
        horizon_s=60,
    )
    return wire.write(
        first_cause(event, source="test", sequence=digest, key="stub", time_us=int(digest)), IDS
    )


def changed(out: Outgoing) -> Outgoing:
    """The same message with one price a little higher."""
    event = codec.decode("BarClosed", out.value[5:])
    assert isinstance(event, BarClosed)
    higher = replace(event, close=event.close + 1e-9)
    return Outgoing(out.topic, out.key, out.value[:5] + codec.encode(higher), out.headers)


def unasked(out: Outgoing) -> Outgoing:
    """A message of a cause that has no such consequence: the tick before."""
    sequence = next(value for name, value in out.headers if name == "ce_sequence")
    before = b"%016d.000" % (int(sequence[:16]) - 1)
    headers = [(n, before if n == "ce_sequence" else v) for n, v in out.headers]
    return Outgoing(out.topic, out.key, out.value, headers)


def reheaded(out: Outgoing, header: str) -> Outgoing:
    headers = [(n, v[:-1] + b"x" if n == header else v) for n, v in out.headers]
    return Outgoing(out.topic, out.key, out.value, headers)


def first_place(config: Config) -> tuple[int, int]:
    """Partition and offset of the tick that caused the first bar written."""
    first: Record = all_of(config, BARS_TOPIC)[0]
    return first.partition, int(wire.place_of(first.headers)[1][:16])


def meant(config: Config) -> list[Record]:
    """The features that the stub predicts from."""
    records = all_of(config, FEATURES)
    return [r for r in records if getattr(wire.event_of(r, IDS), "timeframe_s", 0) == 10]


def predicted(digest: str, features: Sequence[Record]) -> list[Outgoing]:
    """What a model makes of features of one partition."""
    stage, partition = Stage(inference(Stub(digest)), IDS), fresh(features[0].partition)
    return [output for record in features for output in stage.advance(partition, record)]


def _tick(symbol: str, n: int) -> Any:
    event = tick(symbol, n, bid=1.1 + (n * 7919 % 101) / 1e4)
    at_us = event.ts_source_us + n * EVERY_US
    return replace(event, ts_source_us=at_us, ts_received_us=at_us)


def _prepare(config: Config) -> None:
    kafka.ensure_topics(config)
