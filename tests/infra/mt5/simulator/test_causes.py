"""Every return code is provoked by its cause, and the docs say how."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from infra.mt5 import constants as mt5
from infra.mt5.simulator import faults
from tests.house import ROOT
from tests.infra.mt5.simulator.causes import CAUSES, SOME_CODE
from tests.infra.mt5.worlds import LOGIN, in_process, settings

NAMED = {value for name, value in vars(mt5).items() if name.startswith("TRADE_RETCODE_")}
ROW = re.compile(r"^\| (\d+|any other) \| ([A-Z_]*) \| (.+) \| (.+) \|$", re.MULTILINE)


@pytest.mark.parametrize("code", CAUSES)
def test_a_code_has_its_cause(code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings, the market, the account or the hour bring it about: never a scripted answer."""
    monkeypatch.setattr(faults.Faults, "replace", None)
    cause = CAUSES[code]
    given = settings(cause.market, cause.terms, **cause.symbol)
    with in_process(replace(given, outages_ms=cause.outages_ms)) as world:
        assert cause.act(world, world.ready(LOGIN)) == code


def test_no_code_is_left_out() -> None:
    assert set(CAUSES) == NAMED | {10046, SOME_CODE}


def test_the_table_of_the_docs_is_the_table_of_the_tests() -> None:
    rows = ROW.findall((ROOT / "docs/mt5/retcodes.md").read_text())
    told = {SOME_CODE if code == "any other" else int(code): name for code, name, *_ in rows}
    assert set(told) == set(CAUSES)
    assert len(rows) == len(told)
    names = {value: name for name, value in vars(mt5).items() if name.startswith("TRADE_RETCODE_")}
    for code, name in told.items():
        assert names.get(code, name).removeprefix("TRADE_RETCODE_") == name
