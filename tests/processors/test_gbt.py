"""Boosted trees: the same bits again, in any batch, after any reload; anything else is refused."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from itertools import chain

import pytest
import xgboost

from events.predictions import PredictionMade
from processors.features import FEATURES, FEATURES_OF_BARS
from processors.inference import inference, predictions
from processors.models import gbt
from processors.models.gbt import Card, Gbt, ModelRefused
from processors.training.trees import Trained, trained
from tests.processors.training.rows import FIRST, SECOND
from tests.processors.walks import run, wandering_bars


def flat(made: Iterable[tuple[PredictionMade, ...]]) -> list[PredictionMade]:
    return list(chain.from_iterable(made))


def opened(ubj: bytes) -> Gbt:
    return gbt.load(ubj, gbt.digest_of(ubj), "e" * 64)


EVENTS = run(FEATURES_OF_BARS, wandering_bars(200))


@pytest.fixture(scope="module")
def model() -> Trained:
    return trained(FIRST, SECOND, threads=1)


def test_the_digest_is_of_the_bytes(model: Trained) -> None:
    loaded = opened(model.ubj)
    assert loaded.model_digest == hashlib.sha256(model.ubj).hexdigest()
    assert (loaded.model, loaded.timeframe_s, loaded.horizon_s) == ("gbt-10s-60s", 10, 60)
    assert loaded.card == model.card


def test_bits_do_not_depend_on_the_batch_or_on_a_reload(model: Trained) -> None:
    loaded, again = opened(model.ubj), opened(model.ubj)
    together = flat(predictions(loaded, EVENTS))
    assert len({prediction.probability_up for prediction in together}) > 10
    assert run(inference(loaded), EVENTS) == together
    assert flat(predictions(again, EVENTS[:7]) + predictions(again, EVENTS[7:])) == together


def test_what_shapes_a_prediction_is_inside_the_bytes(model: Trained) -> None:
    trees = opened(model.ubj).trees
    changed = Card(
        model=model.card.model,
        feature_digest=model.card.feature_digest,
        timeframe_s=10,
        horizon_s=60,
        sureness=(0.0,),
    )
    assert opened(gbt.save(trees, changed)).model_digest != opened(model.ubj).model_digest


def test_a_model_of_other_features_is_refused(model: Trained) -> None:
    other = Card(
        model="old", feature_digest="0" * 64, timeframe_s=10, horizon_s=60, sureness=(0.0,)
    )
    ubj = gbt.save(opened(model.ubj).trees, other)
    with pytest.raises(ModelRefused, match="old was trained on features 000000000000"):
        opened(ubj)


def test_a_model_without_calibration_is_refused(model: Trained) -> None:
    card = Card(
        model="raw",
        feature_digest=model.card.feature_digest,
        timeframe_s=10,
        horizon_s=60,
        sureness=(),
    )
    with pytest.raises(ModelRefused, match="raw has no calibration"):
        opened(gbt.save(opened(model.ubj).trees, card))


@pytest.mark.parametrize("place", [0, 1_000, -1])
def test_a_changed_byte_is_refused_before_the_library_sees_it(model: Trained, place: int) -> None:
    changed = bytearray(model.ubj)
    changed[place] ^= 1
    with pytest.raises(ModelRefused, match="were changed: their SHA-256 is"):
        gbt.load(bytes(changed), gbt.digest_of(model.ubj), "e" * 64)


def test_trees_that_are_not_ours_are_refused() -> None:
    matrix = xgboost.DMatrix(FIRST.values[:, : len(FEATURES)], label=FIRST.up)
    ubj = bytes(xgboost.train({"max_depth": 1}, matrix, 1).save_raw("ubj"))
    with pytest.raises(ModelRefused, match="have no card"):
        opened(ubj)
