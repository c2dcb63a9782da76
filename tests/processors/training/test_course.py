"""From rows to a judged model: nothing leaks, chance is named, and twice gives once."""

from __future__ import annotations

import random
from xml.etree import ElementTree

import numpy
import pytest

from processors.training import drawing, figures, trees
from processors.training.course import Course, train_from
from processors.training.dataset import SECOND_US, Dataset, dataset_of
from processors.training.split import TooFewRows, split
from tests.processors.training.rows import WHOLE, foretelling

BARE = foretelling(bars=40)


@pytest.fixture(scope="module")
def course() -> Course:
    return train_from(WHOLE, embargo_s=60, threads=1)


def test_training_twice_gives_one_digest(course: Course) -> None:
    events = foretelling()
    random.Random(1).shuffle(events)
    again = train_from(dataset_of(events, 10, 60), embargo_s=60, threads=1)
    assert again.model.ubj == course.model.ubj
    assert again.report == course.report


def test_the_bytes_do_not_depend_on_the_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trees, "ROUNDS", 10)
    parts = split(WHOLE, 60)
    one, two = (trees.trained(parts.train, parts.calibration, threads) for threads in (1, 2))
    assert one.ubj == two.ubj


def test_other_rows_give_another_model(course: Course) -> None:
    other = train_from(WHOLE.taken(WHOLE.as_of_us > WHOLE.as_of_us[0]), embargo_s=60, threads=1)
    assert other.report.model_digest != course.report.model_digest
    assert other.report.dataset_digest != course.report.dataset_digest


@pytest.mark.parametrize("embargo_s", [0, 60, 600])
def test_no_outcome_reaches_over_a_cut(embargo_s: int) -> None:
    parts = split(WHOLE, embargo_s)
    reach_us = (WHOLE.horizon_s + embargo_s) * SECOND_US
    assert parts.train.as_of_us.max() + reach_us <= parts.calibration.as_of_us.min()
    assert parts.calibration.as_of_us.max() + reach_us <= parts.test.as_of_us.min()
    assert len(parts.test) == pytest.approx(0.2 * len(WHOLE), rel=0.02)


@pytest.mark.parametrize(
    "rows", [dataset_of(BARE, 10, 60), dataset_of([], 10, 60)], ids=["few", "none"]
)
def test_too_little_to_learn_from_is_refused(rows: Dataset) -> None:
    with pytest.raises(TooFewRows, match="let the tape run for longer"):
        train_from(rows, embargo_s=60, threads=1)


def test_what_can_be_learned_is_and_shuffled_labels_teach_nothing(course: Course) -> None:
    report = course.report
    assert report.accuracy.low > 0.5
    assert report.log_loss < report.base_rate_log_loss
    assert report.importance[0][0] == "return_1"
    assert report.shuffled_accuracy.low < 0.5 < report.shuffled_accuracy.high


def test_a_feature_that_knows_the_future_shows(course: Course) -> None:
    leaky = train_from(dataset_of(foretelling(leak=True), 10, 60), embargo_s=60, threads=1)
    assert leaky.report.accuracy.low > 0.95 > course.report.accuracy.high


def test_confidence_selects_as_many_rows_as_it_says_and_better_ones(course: Course) -> None:
    whole, _, surer, *_ = course.report.selected
    assert whole.coverage == 1.0
    for chosen in course.report.selected:
        assert chosen.coverage == pytest.approx(1.0 - chosen.confidence_min, abs=0.06)
        assert chosen.net_bp == pytest.approx(chosen.gross_bp - chosen.cost_bp)
    assert surer.accuracy.low > whole.accuracy.value


def test_overlapping_rows_widen_the_interval() -> None:
    rows = WHOLE.taken(WHOLE.symbol == 0)
    chance = numpy.random.default_rng(2).random(len(rows)) < 0.5
    clumped = numpy.repeat(chance[::50], 50)[: len(rows)]
    apart = figures.accuracy(rows, chance)
    together = figures.accuracy(rows, clumped)
    assert together.high - together.low > 3.0 * (apart.high - apart.low)


def test_an_interval_of_independent_rows_is_wilsons() -> None:
    """Wilson 1927: 81 of 263 gives 0.2553 to 0.3662."""
    rows = WHOLE.taken((WHOLE.symbol == 0) & (numpy.arange(len(WHOLE)) < 526))
    right = numpy.arange(len(rows)) * 81 // len(rows) != (numpy.arange(len(rows)) - 1) * 81 // len(
        rows
    )
    share = figures.accuracy(rows, right)
    assert (len(rows), int(right.sum())) == (263, 81)
    assert (round(share.low, 4), round(share.high, 4)) == (0.2553, 0.3662)


def test_the_log_loss_of_a_coin_is_ln_2() -> None:
    up = numpy.array([True, False, True])
    assert figures.log_loss(numpy.full(3, 0.5), up) == pytest.approx(numpy.log(2.0))


def test_reliability_bins_hold_every_row_once() -> None:
    foretold = numpy.linspace(0.3, 0.7, 95)
    bins = figures.reliability(foretold, foretold > 0.5)
    assert sum(part.rows for part in bins) == 95
    assert [part.foretold for part in bins] == sorted(part.foretold for part in bins)
    assert figures.calibration_error(figures.reliability(foretold, foretold > 2.0)) == (
        pytest.approx(0.5)
    )


def test_the_page_tells_all_figures_and_the_curve_is_a_picture(course: Course) -> None:
    page = drawing.page(course.report, "curve.svg")
    told = [value for _, value in drawing.facts(course.report)]
    told += [text for line in drawing.thresholds(course.report) for text in line]
    assert [text for text in told if text not in page] == []
    assert course.report.model_digest in page
    picture = ElementTree.fromstring(drawing.reliability_curve(course.report.reliability))
    assert len(picture.findall("{http://www.w3.org/2000/svg}circle")) == 10
