"""Past, recent past, and what is judged by: cut in time, with nothing shared across a cut."""

from __future__ import annotations

from dataclasses import dataclass

from processors.training.dataset import SECOND_US, Dataset

TRAIN_SHARE = 0.6
CALIBRATION_SHARE = 0.2
ROWS_TRAIN_MIN = 500
ROWS_JUDGED_MIN = 100


class TooFewRows(ValueError):
    """The tape does not hold enough to train on and to judge by."""


@dataclass(frozen=True, slots=True)
class Split:
    """Three stretches of time, oldest first. Rows near a cut are in none of them."""

    train: Dataset
    calibration: Dataset
    test: Dataset


def split(rows: Dataset, embargo_s: int) -> Split:
    """Cut at shares of the rows. A row's label must be known `embargo_s` before the next stretch.

    That purges the rows whose horizon reaches over a cut, and the embargo keeps what moved
    together with them apart. `TooFewRows` if a stretch is too short to mean anything.
    """
    if not len(rows):
        raise TooFewRows("there is no row with a known outcome; let the tape run for longer")
    first_us = int(rows.as_of_us[int(len(rows) * TRAIN_SHARE)])
    second_us = int(rows.as_of_us[int(len(rows) * (TRAIN_SHARE + CALIBRATION_SHARE))])
    reach_us = (rows.horizon_s + embargo_s) * SECOND_US
    settled_us = rows.as_of_us + reach_us
    parts = Split(
        train=rows.taken(settled_us <= first_us),
        calibration=rows.taken((rows.as_of_us >= first_us) & (settled_us <= second_us)),
        test=rows.taken(rows.as_of_us >= second_us),
    )
    _check(parts)
    return parts


def _check(parts: Split) -> None:
    sizes = (len(parts.train), len(parts.calibration), len(parts.test))
    if sizes[0] < ROWS_TRAIN_MIN or min(sizes[1:]) < ROWS_JUDGED_MIN:
        raise TooFewRows(
            f"{sizes[0]} rows to train on, {sizes[1]} to calibrate, {sizes[2]} to judge by; at "
            f"least {ROWS_TRAIN_MIN}, {ROWS_JUDGED_MIN}, {ROWS_JUDGED_MIN} are needed: let the "
            "tape run for longer, or choose a shorter timeframe or horizon"
        )
