"""What became of a signal over all the accounts that were to follow it."""

from __future__ import annotations

from events.envelope import Event
from events.values import Lots, Side


class ExecutionOpened(Event, frozen=True, kw_only=True):
    """A signal is to be followed by these accounts, each with its volume; others are left out.

    `environment_digest`: of the saga that decided it, as its `RoleStarted` has it.
    """

    execution_id: str
    symbol: str
    side: Side
    confidence: float
    accounts: tuple[str, ...]
    volumes_lots: tuple[Lots, ...]
    left_out: tuple[str, ...]
    reasons: tuple[str, ...]
    environment_digest: str = ""


class ExecutionCompleted(Event, frozen=True, kw_only=True):
    """Every leg was filled."""

    execution_id: str
    symbol: str
    accounts: tuple[str, ...]


class ExecutionCompensated(Event, frozen=True, kw_only=True):
    """A leg could not be filled, and every leg that had been filled was closed again."""

    execution_id: str
    symbol: str
    refused: tuple[str, ...]
    closed: tuple[str, ...]


class ExecutionStuck(Event, frozen=True, kw_only=True):
    """A leg that had to be closed could not be: a person must look at these accounts."""

    execution_id: str
    symbol: str
    exposed: tuple[str, ...]
