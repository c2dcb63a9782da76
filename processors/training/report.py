"""What a model is worth on rows it never saw: its figures beside chance, costs and a control."""

from __future__ import annotations

from dataclasses import dataclass

import numpy

from processors.features import FEATURE_DIGEST
from processors.models import gbt
from processors.training import figures
from processors.training.dataset import Dataset, Floats
from processors.training.figures import Bin, Selected, Share
from processors.training.split import Split
from processors.training.trees import Trained, grown, probabilities

CONFIDENCES = (0.0, 0.5, 0.8, 0.9, 0.95, 0.99)
SHUFFLE_SEED = 11


@dataclass(frozen=True, slots=True)
class Report:
    """All figures are of the test rows: the last stretch of time."""

    model: str
    model_digest: str
    feature_digest: str
    dataset_digest: str
    symbols: tuple[str, ...]
    timeframe_s: int
    horizon_s: int
    rows_train: int
    rows_calibration: int
    rows_test: int
    rows_flat: int  # of the whole data set: the mid had not moved, so neither side was right
    rows_open: int  # of the whole data set: the tape ends before the horizon
    trained_to_us: int
    test_from_us: int
    test_to_us: int
    base_rate: float  # share of rows that went up
    accuracy: Share
    majority_accuracy: float  # of always saying what was more frequent in training
    log_loss: float
    base_rate_log_loss: float  # of always saying how frequent it was in training
    calibration_error: float
    shuffled_accuracy: Share  # of the same trees grown on labels in random order: a leak shows here
    selected: tuple[Selected, ...]
    reliability: tuple[Bin, ...]
    importance: tuple[tuple[str, float], ...]


def judged(model: Trained, rows: Dataset, parts: Split, threads: int) -> Report:
    """The report of a model that was trained on `parts` of `rows`."""
    loaded = gbt.load(model.ubj, gbt.digest_of(model.ubj), environment_digest="")
    test = parts.test
    foretold = probabilities(loaded.trees, test)
    train_rate = float(parts.train.up.mean())
    bins = figures.reliability(foretold, test.up)
    return Report(
        model=model.card.model,
        model_digest=loaded.model_digest,
        feature_digest=FEATURE_DIGEST,
        dataset_digest=rows.digest,
        symbols=rows.symbols,
        timeframe_s=rows.timeframe_s,
        horizon_s=rows.horizon_s,
        rows_train=len(parts.train),
        rows_calibration=len(parts.calibration),
        rows_test=len(test),
        rows_flat=rows.rows_flat,
        rows_open=rows.rows_open,
        trained_to_us=int(parts.train.as_of_us[-1]),
        test_from_us=int(test.as_of_us[0]),
        test_to_us=int(test.as_of_us[-1]),
        base_rate=float(test.up.mean()),
        accuracy=figures.accuracy(test, (foretold > 0.5) == test.up),
        majority_accuracy=float((test.up == (train_rate > 0.5)).mean()),
        log_loss=figures.log_loss(foretold, test.up),
        base_rate_log_loss=figures.log_loss(numpy.full(len(test), train_rate), test.up),
        calibration_error=figures.calibration_error(bins),
        shuffled_accuracy=_shuffled(parts, threads),
        selected=_selected(test, foretold, model.card.sureness),
        reliability=bins,
        importance=model.importance,
    )


def _shuffled(parts: Split, threads: int) -> Share:
    order = numpy.random.default_rng(SHUFFLE_SEED).permutation(len(parts.train))
    trees = grown(parts.train, parts.train.up[order], threads)
    right = (probabilities(trees, parts.test) > 0.5) == parts.test.up
    return figures.accuracy(parts.test, right)


def _selected(test: Dataset, foretold: Floats, sureness: tuple[float, ...]) -> tuple[Selected, ...]:
    distances = numpy.abs(foretold - 0.5)
    confidences = numpy.searchsorted(numpy.array(sureness), distances, side="left") / len(sureness)
    chosen = [figures.selected(test, foretold, confidences, least) for least in CONFIDENCES]
    return tuple(figure for figure in chosen if figure is not None)
