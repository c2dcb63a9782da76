"""Our constants and tuples are the package's."""

from __future__ import annotations

from hashlib import sha256

import numpy as np
import pytest

from infra.mt5 import constants, tuples
from infra.mt5.group import in_group

# Names and values of package 5.0.6231, sorted by name, as lines of `NAME=value`.
CONSTANTS_DIGEST = "d7de17a5e558f0a10afd43624e300669a9be0f07fb4cafec4d5052bf0bef2f51"
FIELDS = {
    "TradePosition": 19,
    "TradeOrder": 24,
    "TradeDeal": 18,
    "TradeRequest": 17,
    "OrderSendResult": 11,
    "OrderCheckResult": 9,
    "Tick": 8,
    "TerminalInfo": 22,
    "AccountInfo": 28,
    "SymbolInfo": 96,
}


def test_constants_are_the_packages() -> None:
    ours = sorted((name, value) for name, value in vars(constants).items() if name.isupper())
    lines = [f"{name}={value}" for name, value in ours]
    assert len(lines) == 223
    assert sha256("\n".join(lines).encode()).hexdigest() == CONSTANTS_DIGEST


@pytest.mark.parametrize("name", FIELDS)
def test_tuples_have_the_packages_fields(name: str) -> None:
    assert len(getattr(tuples, name)._fields) == FIELDS[name]


def test_arrays_have_the_packages_layout() -> None:
    offsets = {name: place[1] for name, place in (tuples.TICK_DTYPE.fields or {}).items()}
    assert offsets == {
        "time": 0,
        "bid": 8,
        "ask": 16,
        "last": 24,
        "volume": 32,
        "time_msc": 40,
        "flags": 48,
        "volume_real": 52,
    }
    assert tuples.RATE_DTYPE.names == (
        "time",
        "open",
        "high",
        "low",
        "close",
        "tick_volume",
        "spread",
        "real_volume",
    )
    assert tuples.RATE_DTYPE["spread"] == np.dtype("<i4")
    assert tuples.RATE_DTYPE.itemsize == tuples.TICK_DTYPE.itemsize == 60


@pytest.mark.parametrize(
    ("name", "group", "inside"),
    [
        ("EURUSD", "*", True),
        ("EURUSD", "EUR*", True),
        ("EURUSD", "*,!EUR*", False),
        ("EURUSD", "!EUR*,*", True),
        ("EURUSD", "*,!EUR*, EURUSD", True),
        ("EUR[1]", "EUR[1]", True),
        ("EUR1", "EUR[1]", False),
        ("EURUSD", "EURUSD*X", False),
    ],
)
def test_groups_filter_names(name: str, group: str, inside: bool) -> None:
    assert in_group(name, group) is inside
