"""Every code of the vendor's tables has one meaning, and every other integer is unknown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.mt5 import constants as mt5
from infra.mt5.retcodes import LAST_ERRORS, RETCODES, Outcome, of_last_error, of_retcode

MATRIX = {
    Outcome.SUCCESS: (10009, 10025),
    Outcome.PARTIAL: (10010,),
    Outcome.ACCEPTED: (10008,),
    Outcome.NEW_PRICE: (10004, 10020, 10021),
    Outcome.FIX: (10014, 10015, 10016, 10022, 10030, 10038),
    Outcome.REREAD: (10023, 10035, 10036, 10039),
    Outcome.LATER: (10024, 10028, 10029),
    Outcome.ABORT: (
        *(10006, 10007, 10017, 10018, 10019, 10032, 10033, 10034),
        *(10040, 10041, 10042, 10043, 10044, 10045, 10046),
    ),
    Outcome.HALT: (10026, 10027),
    Outcome.UNKNOWN: (10011, 10012, 10031),
    Outcome.BUG: (10013,),
}
ERRORS = {
    Outcome.UNKNOWN: (1, -1, -3, -4, -10000, -10001, -10002, -10003, -10004, -10005),
    Outcome.BUG: (-2,),
    Outcome.HALT: (-5, -6, -7, -8),
}


def named(prefix: str) -> set[int]:
    return {value for name, value in vars(mt5).items() if name.startswith(prefix)}


@pytest.mark.parametrize(
    ("code", "outcome"), [(code, outcome) for outcome, codes in MATRIX.items() for code in codes]
)
def test_a_retcode_means_what_the_table_says(code: int, outcome: Outcome) -> None:
    assert of_retcode(code).outcome is outcome


@pytest.mark.parametrize(
    ("code", "outcome"), [(code, outcome) for outcome, codes in ERRORS.items() for code in codes]
)
def test_a_last_error_means_what_the_table_says(code: int, outcome: Outcome) -> None:
    assert of_last_error(code).outcome is outcome


def test_no_code_of_the_package_is_left_out() -> None:
    assert named("TRADE_RETCODE_") <= set(RETCODES)
    assert named("RES_") == set(LAST_ERRORS)
    assert {code for codes in MATRIX.values() for code in codes} == set(RETCODES)


@given(st.integers())
def test_any_other_integer_is_unknown_and_refuses_nothing(code: int) -> None:
    for meaning, table in ((of_retcode(code), RETCODES), (of_last_error(code), LAST_ERRORS)):
        if code not in table:
            assert meaning.outcome is Outcome.UNKNOWN
            assert not meaning.refused


def test_what_is_still_processed_is_not_refused() -> None:
    assert not of_retcode(mt5.TRADE_RETCODE_LOCKED).refused
    assert of_retcode(mt5.TRADE_RETCODE_TOO_MANY_REQUESTS).refused


@pytest.mark.parametrize("code", [10008, 10009, 10010, 10011, 10012, 10025, 10031])
def test_an_answer_that_may_hide_a_deal_refuses_nothing(code: int) -> None:
    assert not of_retcode(code).refused


@pytest.mark.parametrize("code", [10019, 10026, 10027])
def test_some_refusals_end_all_new_risk(code: int) -> None:
    assert of_retcode(code).halts


def test_the_two_codes_that_do_not_exist_are_unknown() -> None:
    assert of_retcode(10005).outcome is of_retcode(10037).outcome is Outcome.UNKNOWN
