"""A tape that is what its steps make of it is found equal; one changed bit is found and shown."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from events.envelope import Event
from infra import replay
from infra.config import Config
from infra.models import files
from infra.replay import run as replay_run
from infra.replay.range import EARLIEST, LATEST, Where, where
from infra.run.processing import Stage, fresh
from infra.stream import kafka, wire
from infra.stream.wire import Outgoing, Record
from processors.bars import BARS
from processors.features import FEATURES_OF_BARS
from processors.inference import inference
from processors.processor import Processor
from processors.signals import SIGNALS
from tests.infra.edited import Stub, changed, promotion, reheaded, unasked
from tests.infra.market import IDS, all_of, put, record_of, tick
from tests.infra.replaying import counts, replayed
from tests.infra.tape_writer import write_raw

SYMBOLS = ("EURUSD", "XAUUSD")
TICKS_EACH, EVERY_US = 160, 5_000_000
TICKS, BARS_TOPIC, FEATURES, PREDICTIONS = (
    "market-data-events",
    "bar-events",
    "feature-events",
    "prediction-events",
)
EDIT = Callable[[list[Outgoing]], list[Outgoing]]
Verified = Callable[[], tuple[int, str]]


@pytest.fixture
def unmodelled(
    kafka: str, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Config:
    """A tape with ticks."""
    config = Config.load(
        {
            "TAPEDECK_HOME": str(tmp_path),
            "TAPEDECK_KAFKA": kafka,
            "TAPEDECK_NAMESPACE": namespace,
        }
    )
    _prepare(config)
    monkeypatch.setattr(files, "load", lambda _config, digest: Stub(digest))
    put(config, [record_of(_tick(s, n)) for n in range(1, TICKS_EACH + 1) for s in SYMBOLS])
    return config


@pytest.fixture
def market(unmodelled: Config) -> Config:
    """A tape with ticks and a promoted model."""
    put(unmodelled, [promotion("3")])
    return unmodelled


@pytest.fixture
def verified(
    unmodelled: Config, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Verified:
    """`tapedeck replay --verify`: its exit code, and what it prints."""
    monkeypatch.setattr(replay, "SchemaIds", lambda _config: IDS)
    parser = argparse.ArgumentParser()
    replay.configure(parser)

    def run() -> tuple[int, str]:
        code = replay.main(unmodelled, parser.parse_args(["--jobs", "1", "--verify"]))
        return code, " ".join(capsys.readouterr().out.split())

    return run


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


def test_what_nobody_can_read_is_no_difference(market: Config) -> None:
    recorded(market, BARS)
    ours = ("ce_source", b"processors/bars/0")
    for headers in ((), (ours, ("ce_sequence", b"~"))):
        write_raw(market, "bar-events", SYMBOLS[0].encode(), b"garbage", headers)
    recorded(market, FEATURES_OF_BARS)
    outcome = replayed(market)
    assert counts(outcome)["features"][0] > 10
    assert (outcome.different, outcome.first) == (0, None)


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
    assert replay.main(market, parser.parse_args(["--jobs", "1", "--verify", "--json"])) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["first"]["differs"] == ["close"]
    assert told["first"]["recorded"]["close"] != told["first"]["recomputed"]["close"]
    assert told["first"]["stage"] == "bars"
    assert replay.main(market, parser.parse_args(["--jobs", "1"])) == 0


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


@pytest.mark.parametrize(
    ("written", "code", "said"),
    [
        (0, 1, "NOT COMPARED (nothing recorded of bars, features, inference, signals):"),
        (1, 1, "NOT COMPARED (nothing recorded of features):"),
        (2, 1, "NOT COMPARED (nothing recorded of inference):"),
        (4, 0, "all equal:"),
    ],
)
def test_a_stage_that_wrote_nothing_is_not_called_equal(
    market: Config, verified: Verified, written: int, code: int, said: str
) -> None:
    for processor in (BARS, FEATURES_OF_BARS, inference(Stub("3")), SIGNALS)[:written]:
        recorded(market, processor)
    exited, told = verified()
    assert (exited, said in told, "all equal" in told) == (code, True, code == 0)
    assert "no model" not in told


def test_a_stage_on_its_way_is_equal_as_far_as_recorded(market: Config, verified: Verified) -> None:
    whole(market, features=lambda out: out[:-1])
    exited, told = verified()
    assert exited == 0
    assert "equal as far as recorded, 1 not yet recorded:" in told


def test_without_a_model_it_is_said_what_was_not_checked(
    unmodelled: Config, verified: Verified
) -> None:
    recorded(unmodelled, BARS)
    recorded(unmodelled, FEATURES_OF_BARS)
    exited, told = verified()
    assert exited == 0
    assert "no model promoted: predictions and signals were not checked" in told


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
