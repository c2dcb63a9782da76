"""Our constants and tuples are the package's."""

from __future__ import annotations

from typing import get_type_hints

import pytest

from infra.mt5 import constants, tuples
from infra.mt5.group import in_group
from tests.infra.mt5.vendor_names import CONSTANTS, FIELDS

KINDS = {
    **dict.fromkeys(("u32", "u64", "i32", "i64"), int),
    "f": float,
    "s": str,
    "b": bool,
    "TradeRequest": tuples.TradeRequest,
}


def test_constants_are_the_packages() -> None:
    theirs = {
        f"{prefix}_{name}": int(value)
        for prefix, words in CONSTANTS.items()
        for name, value in (word.split("=") for word in words.split())
    }
    assert len(theirs) == 223
    assert {name: value for name, value in vars(constants).items() if name.isupper()} == theirs


@pytest.mark.parametrize("name", FIELDS)
def test_tuples_have_the_packages_fields(name: str) -> None:
    theirs = [
        (field, KINDS[kind])
        for kind, *fields in (part.split() for part in FIELDS[name].split(";"))
        for field in fields
    ]
    assert list(get_type_hints(getattr(tuples, name)).items()) == theirs


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
    widths = ["<i8", "<f8", "<f8", "<f8", "<f8", "<u8", "<i4", "<u8"]
    assert [kind for _, kind, *_ in tuples.RATE_DTYPE.descr] == widths
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
