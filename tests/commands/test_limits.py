"""Every setting of limits is a version."""

from __future__ import annotations

from msgspec.structs import asdict, replace

from commands.limits import LIMITS, SetLimits
from tests.orders import limits
from tests.spec import given

FIRST = limits("a")
SET = SetLimits(**{name: value for name, value in asdict(FIRST).items() if name != "version"})


def test_the_first_setting_is_version_one() -> None:
    given(LIMITS).when(SET).then(FIRST)


def test_another_setting_is_the_next_version_and_the_same_is_none() -> None:
    tighter = replace(SET, open_positions_max=1)
    given(LIMITS, FIRST).when(SET).then()
    given(LIMITS, FIRST).when(tighter, SET).then(
        replace(FIRST, open_positions_max=1, version=2), replace(FIRST, version=3)
    )
