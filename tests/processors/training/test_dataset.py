"""Rows: what a label is, what is left out, and that order does not matter."""

from __future__ import annotations

import random

import numpy
import pytest
from msgspec.structs import replace

from events.predictions import FeaturesComputed
from processors.training.dataset import SECOND_US, dataset_of
from tests.processors.training.rows import foretelling
from tests.processors.walks import START_US

(TEMPLATE,) = foretelling(bars=1, symbols=("EURUSD",))


def at(second: int, close: float, symbol: str = "EURUSD", spread: float = 0.0) -> FeaturesComputed:
    as_of_us = START_US + second * SECOND_US
    return replace(TEMPLATE, as_of_us=as_of_us, close=close, symbol=symbol, spread=spread)


def test_a_label_is_the_move_from_the_close_to_the_horizon() -> None:
    rows = dataset_of([at(0, 1.0), at(10, 4.0), at(20, 2.0), at(30, 1.0)], 10, 20)
    assert rows.move.tolist() == [1.0, -0.75]
    assert rows.up.tolist() == [True, False]


def test_the_mid_at_the_horizon_is_the_last_one_before_it() -> None:
    rows = dataset_of([at(0, 1.0), at(10, 2.0), at(50, 8.0)], 10, 30)
    assert rows.move.tolist() == [1.0, 0.0][:1]
    assert (rows.rows_flat, rows.rows_open) == (1, 1)


def test_rows_whose_outcome_is_not_known_yet_are_left_out() -> None:
    rows = dataset_of([at(0, 1.0), at(10, 2.0), at(20, 3.0)], 10, 20)
    assert (rows.as_of_us.tolist(), rows.rows_open) == ([START_US], 2)


def test_a_symbol_is_judged_by_its_own_prices() -> None:
    rows = dataset_of(
        [at(0, 1.0), at(0, 5.0, "XAUUSD"), at(10, 2.0), at(10, 4.0, "XAUUSD")], 10, 10
    )
    assert rows.symbols == ("EURUSD", "XAUUSD")
    assert (rows.symbol.tolist(), rows.up.tolist()) == ([0, 1], [True, False])


def test_going_in_and_out_costs_half_of_each_spread() -> None:
    rows = dataset_of([at(0, 2.0, spread=0.25), at(10, 3.0, spread=0.75)], 10, 10)
    assert rows.cost.tolist() == [0.25]


def test_order_and_repeats_do_not_matter() -> None:
    events = foretelling(bars=50)
    mixed = [*events, *events[10:20]]
    random.Random(3).shuffle(mixed)
    assert dataset_of(mixed, 10, 60).digest == dataset_of(events, 10, 60).digest


def test_the_digest_sees_every_column_and_the_order_of_rows() -> None:
    rows = dataset_of(foretelling(bars=50), 10, 60)
    fewer = rows.taken(numpy.arange(len(rows)) > 0)
    other = dataset_of([replace(e, close=e.close * 2.0) for e in foretelling(bars=50)], 10, 60)
    dearer = dataset_of([replace(e, spread=1e-4) for e in foretelling(bars=50)], 10, 60)
    further = dataset_of(foretelling(bars=50), 10, 70)
    assert len({d.digest for d in (rows, fewer, dearer, further)}) == 4
    assert other.move.tolist() == pytest.approx(rows.move.tolist())


def test_other_timeframes_and_schemas_are_no_rows() -> None:
    events = foretelling(bars=50)
    strangers = [replace(e, timeframe_s=60) for e in events]
    strangers += [replace(e, feature_digest="0" * 64, as_of_us=e.as_of_us + 1) for e in events]
    assert dataset_of([*events, *strangers], 10, 60).digest == dataset_of(events, 10, 60).digest


@pytest.mark.parametrize("horizon_s", [0, -10, 15])
def test_a_horizon_that_ends_inside_a_bar_is_refused(horizon_s: int) -> None:
    with pytest.raises(ValueError, match=f"horizon is {horizon_s} s; give a positive multiple"):
        dataset_of(foretelling(bars=10), 10, horizon_s)


def test_no_features_make_no_rows() -> None:
    assert len(dataset_of([], 10, 60)) == 0
