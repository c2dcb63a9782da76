"""The whole course from features to a judged model, as one function of its rows."""

from __future__ import annotations

from dataclasses import dataclass

from processors.training.dataset import Dataset
from processors.training.report import Report, judged
from processors.training.split import split
from processors.training.trees import Trained, trained


@dataclass(frozen=True, slots=True)
class Course:
    """A model and what it is worth."""

    model: Trained
    report: Report


def train_from(rows: Dataset, *, embargo_s: int, threads: int) -> Course:
    """The same rows give the same bytes, with any number of threads.

    `split.TooFewRows` if there is not enough to learn from and to judge by.
    """
    parts = split(rows, embargo_s)
    model = trained(parts.train, parts.calibration, threads)
    return Course(model, judged(model, rows, parts, threads))
