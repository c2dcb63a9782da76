"""How an execution ends, and ends again when something still happens."""

from __future__ import annotations

from typing import Any

from commands.executions import (
    EXECUTIONS,
    CompensateExecution,
    CompleteExecution,
    FlagExecution,
    OpenExecution,
)
from events.execution import (
    ExecutionCompensated,
    ExecutionCompleted,
    ExecutionOpened,
    ExecutionStuck,
)
from events.values import Side, lots
from tests.spec import given

NAMES: dict[str, Any] = {"execution_id": "e", "symbol": "EURUSD"}
TERMS: dict[str, Any] = {
    **NAMES,
    "side": Side.BUY,
    "confidence": 0.7,
    "accounts": ("a", "b"),
    "volumes_lots": (lots("0.10"), lots("0.20")),
    "left_out": ("c",),
    "reasons": ("halted",),
}
OPEN, OPENED = OpenExecution(**TERMS), ExecutionOpened(**TERMS)
COMPLETE = CompleteExecution(**NAMES, accounts=("a", "b"))
COMPLETED = ExecutionCompleted(**NAMES, accounts=("a", "b"))
COMPENSATE = CompensateExecution(**NAMES, refused=("b",), closed=("a",))
COMPENSATED = ExecutionCompensated(**NAMES, refused=("b",), closed=("a",))
FLAG = FlagExecution(**NAMES, exposed=("a",))
STUCK = ExecutionStuck(**NAMES, exposed=("a",))


def test_an_execution_is_opened_once_and_ends() -> None:
    given(EXECUTIONS).when(OPEN, OPEN, COMPLETE).then(OPENED, COMPLETED)
    given(EXECUTIONS).when(OPEN, COMPENSATE).then(OPENED, COMPENSATED)
    given(EXECUTIONS).when(OPEN, FLAG).then(OPENED, STUCK)


def test_an_execution_that_was_never_opened_cannot_end() -> None:
    given(EXECUTIONS).when(COMPLETE, COMPENSATE, FLAG).then()


def test_a_complete_execution_stays_complete() -> None:
    given(EXECUTIONS, OPENED, COMPLETED).when(COMPENSATE, FLAG, OPEN).then()


def test_a_leg_that_is_filled_late_ends_it_again() -> None:
    both = CompensateExecution(**NAMES, refused=(), closed=("a", "b"))
    given(EXECUTIONS, OPENED, COMPENSATED).when(both).then(
        ExecutionCompensated(**NAMES, refused=(), closed=("a", "b"))
    )
    given(EXECUTIONS, OPENED, COMPENSATED).when(FLAG).then(STUCK)


def test_a_stuck_execution_is_compensated_once_a_person_has_mended_it() -> None:
    given(EXECUTIONS, OPENED, STUCK).when(FLAG, COMPENSATE).then(COMPENSATED)
