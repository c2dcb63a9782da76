"""The figures a forecast is judged by, and how far chance alone could have moved them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy
import numpy.typing as npt

from processors.training.dataset import SECOND_US, Dataset, Floats

BLOCK_HORIZONS = 10
"""Rows within this many horizons are treated as one draw: their outcomes overlap."""
NORMAL_95 = 1.959963984540054
RELIABILITY_BINS = 10
BP = 1e4

Truths = npt.NDArray[numpy.bool_]


@dataclass(frozen=True, slots=True)
class Share:
    """A share of rows with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Selected:
    """What the rows were worth on which the model was at least this confident."""

    confidence_min: float
    rows: int
    coverage: float
    accuracy: Share
    gross_bp: float  # mean move in the direction foretold
    cost_bp: float  # mean of half the spread in and half the spread out
    net_bp: float


@dataclass(frozen=True, slots=True)
class Bin:
    """Rows with like probabilities: what was foretold and what came."""

    foretold: float
    came: float
    rows: int


def accuracy(rows: Dataset, right: Truths) -> Share:
    """The share that was right: Wilson's interval with the number of rows that are worth counting.

    Outcomes overlap in time and symbols move together, so rows are not independent draws. The
    variance between blocks of time says how many independent ones they are worth.
    """
    count = len(right)
    share = float(right.mean())
    effective = count / max(1.0, _design_effect(rows, right, share))
    return _wilson(share, effective)


def log_loss(probabilities: Floats, up: Truths) -> float:
    """Mean negative log likelihood in nats."""
    likelihood = numpy.clip(numpy.where(up, probabilities, 1.0 - probabilities), 1e-12, 1.0)
    return -math.fsum(numpy.log(likelihood)) / len(up)


def selected(
    rows: Dataset, probabilities: Floats, confidences: Floats, confidence_min: float
) -> Selected | None:
    """The figures above a confidence; None where no row is."""
    keep = confidences >= confidence_min
    if not keep.any():
        return None
    chosen, foretold_up = rows.taken(keep), probabilities[keep] > 0.5
    signed = numpy.where(foretold_up, chosen.move, -chosen.move)
    gross_bp, cost_bp = BP * float(signed.mean()), BP * float(chosen.cost.mean())
    return Selected(
        confidence_min=confidence_min,
        rows=len(chosen),
        coverage=len(chosen) / len(rows),
        accuracy=accuracy(chosen, foretold_up == chosen.up),
        gross_bp=gross_bp,
        cost_bp=cost_bp,
        net_bp=gross_bp - cost_bp,
    )


def reliability(probabilities: Floats, up: Truths) -> tuple[Bin, ...]:
    """Rows in ten bins of equal count by probability."""
    order = numpy.argsort(probabilities, kind="stable")
    return tuple(
        Bin(float(probabilities[part].mean()), float(up[part].mean()), len(part))
        for part in numpy.array_split(order, RELIABILITY_BINS)
        if len(part)
    )


def calibration_error(bins: tuple[Bin, ...]) -> float:
    """Mean distance between what was foretold and what came (ECE)."""
    rows = sum(part.rows for part in bins)
    return math.fsum(abs(part.foretold - part.came) * part.rows for part in bins) / rows


def _design_effect(rows: Dataset, right: Truths, share: float) -> float:
    """Variance of the share between blocks of time, over that of independent rows."""
    block_us = rows.horizon_s * BLOCK_HORIZONS * SECOND_US
    _, block = numpy.unique(rows.as_of_us // block_us, return_inverse=True)
    blocks = int(block.max()) + 1
    independent = share * (1.0 - share) / len(right)
    if blocks < 2 or independent == 0.0:
        return 1.0
    residual = numpy.bincount(block, weights=right - share)
    clustered = math.fsum(residual * residual) / len(right) ** 2 * blocks / (blocks - 1)
    return clustered / independent


def _wilson(share: float, count: float) -> Share:
    squared = NORMAL_95 * NORMAL_95
    middle = (share + squared / (2.0 * count)) / (1.0 + squared / count)
    spread = share * (1.0 - share) / count + squared / (4.0 * count * count)
    half = NORMAL_95 * math.sqrt(spread) / (1.0 + squared / count)
    return Share(share, middle - half, middle + half)
