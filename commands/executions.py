"""An execution: a signal followed by several accounts, and how it ended."""

from __future__ import annotations

from commands.command import Command
from events.values import Lots, Side


class OpenExecution(Command, frozen=True, kw_only=True):
    """A signal is to be followed by these accounts."""

    execution_id: str
    symbol: str
    side: Side
    confidence: float
    accounts: tuple[str, ...]
    volumes_lots: tuple[Lots, ...]


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
