"""An account on prices written by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from infra.mt5.simulator.account import Account
from infra.mt5.simulator.symbols import SYMBOLS
from tests.infra.mt5.simulator import hand
from tests.infra.mt5.simulator.hand import BUY, SELL, Tape, exits, order, sent, waiting

__all__ = ["BUY", "SELL", "Tape", "desk", "exits", "order", "sent", "waiting"]


def desk(tape: Tape, symbol: dict[str, Any] | None = None, **terms: Any) -> Account:
    """An account at the start, whose requests nobody writes down."""
    return hand.desk(tape, tuple(replace(each, **(symbol or {})) for each in SYMBOLS), **terms)
