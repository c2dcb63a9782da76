"""An execution: a signal followed by several accounts, and how it ended."""

from __future__ import annotations

from enum import Enum
from typing import assert_never

from msgspec import Struct
from msgspec.structs import asdict

from commands.command import Command
from commands.decider import Decider
from events.execution import (
    ExecutionCompensated,
    ExecutionCompleted,
    ExecutionOpened,
    ExecutionStuck,
)
from events.values import Lots, Side


class OpenExecution(Command, frozen=True, kw_only=True):
    """A signal is to be followed by these accounts; those left out have each a reason."""

    execution_id: str
    symbol: str
    side: Side
    confidence: float
    accounts: tuple[str, ...]
    volumes_lots: tuple[Lots, ...]
    left_out: tuple[str, ...]
    reasons: tuple[str, ...]
    environment_digest: str = ""


class CompleteExecution(Command, frozen=True, kw_only=True):
    """Every leg has been filled."""

    execution_id: str
    symbol: str
    accounts: tuple[str, ...]


class CompensateExecution(Command, frozen=True, kw_only=True):
    """Some legs were refused, and those that had been filled are closed again."""

    execution_id: str
    symbol: str
    refused: tuple[str, ...]
    closed: tuple[str, ...]


class FlagExecution(Command, frozen=True, kw_only=True):
    """A leg that had to be closed could not be."""

    execution_id: str
    symbol: str
    exposed: tuple[str, ...]


ExecutionCommand = OpenExecution | CompleteExecution | CompensateExecution | FlagExecution
COMMANDS = (OpenExecution, CompleteExecution, CompensateExecution, FlagExecution)


ExecutionEvent = ExecutionOpened | ExecutionCompleted | ExecutionCompensated | ExecutionStuck
EVENTS = (ExecutionOpened, ExecutionCompleted, ExecutionCompensated, ExecutionStuck)


class Status(Enum):
    """Where an execution stands."""

    NEW = "new"
    OPEN = "open"
    COMPLETED = "completed"
    COMPENSATED = "compensated"
    STUCK = "stuck"


class Execution(Struct, frozen=True):
    """What has to be remembered in order to decide. `told`: the end as it was last stated."""

    status: Status = Status.NEW
    told: ExecutionEvent | None = None


# A leg can still be filled after the others were compensated: then the end is stated again.
_ENDS: dict[type, tuple[type[ExecutionEvent], tuple[Status, ...]]] = {
    OpenExecution: (ExecutionOpened, (Status.NEW,)),
    CompleteExecution: (ExecutionCompleted, (Status.OPEN,)),
    CompensateExecution: (
        ExecutionCompensated,
        (Status.OPEN, Status.COMPENSATED, Status.STUCK),
    ),
    FlagExecution: (ExecutionStuck, (Status.OPEN, Status.COMPENSATED, Status.STUCK)),
}


def decide(command: ExecutionCommand, execution: Execution) -> tuple[ExecutionEvent, ...]:
    """The step, if it can be taken from here and says something new."""
    kind, before = _ENDS[type(command)]
    if execution.status not in before:
        return ()
    event = kind(**asdict(command))
    return () if event == execution.told else (event,)


def evolve(_: Execution, event: ExecutionEvent) -> Execution:
    """The execution after the event."""
    match event:
        case ExecutionOpened():
            return Execution(Status.OPEN, event)
        case ExecutionCompleted():
            return Execution(Status.COMPLETED, event)
        case ExecutionCompensated():
            return Execution(Status.COMPENSATED, event)
        case ExecutionStuck():
            return Execution(Status.STUCK, event)
        case _:
            assert_never(event)


EXECUTIONS: Decider[ExecutionCommand, Execution, ExecutionEvent] = Decider(
    name="executions",
    commands=COMMANDS,
    events=EVENTS,
    stream=lambda command: command.execution_id,
    initial=Execution(),
    decide=decide,
    evolve=evolve,
)
