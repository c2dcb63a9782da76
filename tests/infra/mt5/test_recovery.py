"""Every code has a recovery, and it fits what the code means for the order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.mt5.recovery import OF_ERROR, OF_RETCODE, Recovery, of_error, of_retcode
from infra.mt5.retcodes import LAST_ERRORS, RETCODES, Meaning, Outcome

FITS: dict[Outcome, set[Recovery]] = {
    Outcome.SUCCESS: {Recovery.CARRY_ON},
    Outcome.PARTIAL: {Recovery.CARRY_ON},
    Outcome.ACCEPTED: {Recovery.CARRY_ON},
    Outcome.NEW_PRICE: {Recovery.ASK_AGAIN},
    Outcome.FIX: {Recovery.ASK_AGAIN},
    Outcome.REREAD: {Recovery.LOOK},
    Outcome.LATER: {Recovery.WAIT, Recovery.RECONCILE},
    Outcome.ABORT: {Recovery.END, Recovery.HALT},
    Outcome.HALT: {Recovery.HALT, Recovery.NEVER_AGAIN},
    Outcome.UNKNOWN: {Recovery.RECONCILE, Recovery.RELINK, Recovery.RESTART},
    Outcome.BUG: {Recovery.END},
}
ALL = [
    *((meaning, of_retcode(code)) for code, meaning in RETCODES.items()),
    *((meaning, of_error(code)) for code, meaning in LAST_ERRORS.items()),
]


def test_no_code_is_left_out() -> None:
    assert set(OF_RETCODE) == set(RETCODES)
    assert set(OF_ERROR) == set(LAST_ERRORS)
    assert set(OF_RETCODE.values()) | set(OF_ERROR.values()) == set(Recovery)


@pytest.mark.parametrize(("meaning", "recovery"), ALL, ids=[meaning.name for meaning, _ in ALL])
def test_a_recovery_fits_the_meaning(meaning: Meaning, recovery: Recovery) -> None:
    assert recovery in FITS[meaning.outcome]
    assert meaning.halts is (recovery in (Recovery.HALT, Recovery.NEVER_AGAIN))
    if meaning.pending:
        assert recovery is Recovery.RECONCILE


@given(st.integers())
def test_any_other_integer_is_reconciled(code: int) -> None:
    assert of_retcode(code) is Recovery.RECONCILE or code in OF_RETCODE
    assert of_error(code) is Recovery.RECONCILE or code in OF_ERROR


@pytest.mark.parametrize("code", [-5, -6, -7])
def test_what_was_refused_for_good_is_never_tried_blindly(code: int) -> None:
    assert of_error(code) is Recovery.NEVER_AGAIN
