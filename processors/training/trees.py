"""Boosted trees from rows, to the bit: fixed settings, fixed seed, the order of the rows.

Shallow, slow and strongly regularised, because what there is to learn in bars is faint and rows
overlap. The histogram method gives the same bytes with any number of threads.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy
import numpy.typing as npt
import xgboost

from processors.features import FEATURE_DIGEST, FEATURE_NAMES
from processors.models.gbt import Card, save
from processors.training.dataset import Dataset

ROUNDS = 120
SURENESS_STEPS = 100
LEAF_SHARE_MIN = 0.08
"""A leaf speaks for at least this share of the rows."""
ROW_WEIGHT = 0.25
"""Second derivative of the loss of an undecided row: what the library calls its weight."""
SETTINGS: dict[str, str | int | float] = {
    "objective": "binary:logistic",
    "tree_method": "hist",
    "base_score": 0.5,  # no opinion without evidence, whatever way the sample drifted
    "max_depth": 3,
    "eta": 0.03,
    "lambda": 10.0,
    "subsample": 0.8,
    "seed": 7,
}


@dataclass(frozen=True, slots=True)
class Trained:
    """A model as bytes, and how much each feature contributed (gain, largest first)."""

    ubj: bytes
    card: Card
    importance: tuple[tuple[str, float], ...]


def grown(rows: Dataset, up: npt.NDArray[numpy.bool_], threads: int) -> xgboost.Booster:
    """Trees that tell `up` from the values of the rows."""
    matrix = xgboost.DMatrix(rows.values, label=up.astype(numpy.float32), nthread=threads)
    leaf_weight = LEAF_SHARE_MIN * ROW_WEIGHT * len(rows)
    settings = {**SETTINGS, "min_child_weight": leaf_weight, "nthread": threads}
    trees = xgboost.train(settings, matrix, ROUNDS)
    trees.set_param({"nthread": 1})
    return trees


def trained(train: Dataset, calibration: Dataset, threads: int) -> Trained:
    """A model that knows how sure it was on rows it had not learned from."""
    trees = grown(train, train.up, threads)
    card = Card(
        model=f"gbt-{train.timeframe_s}s-{train.horizon_s}s",
        feature_digest=FEATURE_DIGEST,
        timeframe_s=train.timeframe_s,
        horizon_s=train.horizon_s,
        sureness=_sureness(trees, calibration),
    )
    return Trained(save(trees, card), card, _importance(trees))


def probabilities(trees: xgboost.Booster, rows: Dataset) -> npt.NDArray[numpy.float64]:
    """The probability of `up` of each row."""
    raw = numpy.asarray(trees.inplace_predict(rows.values))
    return raw.astype(numpy.float64)


def _sureness(trees: xgboost.Booster, calibration: Dataset) -> tuple[float, ...]:
    """Quantiles of |p - 1/2|: values that occur, so that no interpolation rounds."""
    distances = numpy.sort(numpy.abs(probabilities(trees, calibration) - 0.5))
    places = (numpy.arange(SURENESS_STEPS) * len(distances)) // SURENESS_STEPS
    return tuple(float(distance) for distance in distances[places])


def _importance(trees: xgboost.Booster) -> tuple[tuple[str, float], ...]:
    gains: dict[str, Any] = trees.get_score(importance_type="total_gain")
    total = math.fsum(gains.values())
    named = [(FEATURE_NAMES[int(name[1:])], gain / total) for name, gain in gains.items()]
    return tuple(sorted(named, key=lambda pair: (-pair[1], pair[0])))
