"""Every return code by its cause, and every one of them in the documentation."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from infra.mt5 import constants as mt5
from infra.mt5.retcodes import RETCODES, Outcome, of_retcode
from infra.mt5.simulator.specification import Bridge
from tests.infra.mt5.simulator.causes import BRIDGE_REFUSAL, CAUSES
from tests.infra.mt5.simulator.hand import BUY, euro, floor, order

PAGE = Path(__file__).parents[4] / "docs/mt5/retcodes.md"
ROW = re.compile(r"^\| (\d+) \| (\w+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
ROWS = {int(code): (name, how) for code, name, _, how in ROW.findall(PAGE.read_text())}


@pytest.mark.parametrize("code", ROWS)
def test_each_code_has_its_cause(code: int) -> None:
    assert CAUSES[code]() == code


def test_no_code_is_missing() -> None:
    assert set(ROWS) == set(CAUSES) == {*RETCODES, BRIDGE_REFUSAL}
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| 1")]
    assert len(lines) == len(ROWS) - 1


def test_the_page_calls_each_code_by_its_name() -> None:
    told = {code: name for code, (name, _) in ROWS.items() if code != BRIDGE_REFUSAL}
    assert told == {code: meaning.name for code, meaning in RETCODES.items()}


def test_a_providers_own_number_is_passed_on() -> None:
    bridge = Bridge(lots_max=0.5, refusal=BRIDGE_REFUSAL)
    made = floor(symbols=euro(bridge=bridge))
    result = made.send(order(BUY))
    assert (result.retcode, result.retcode_external) == (BRIDGE_REFUSAL, BRIDGE_REFUSAL)
    assert of_retcode(result.retcode).outcome is Outcome.UNKNOWN
    assert made.send(order(BUY, volume=0.5)).retcode_external == 0


def test_without_leave_to_trade_through_the_package_nothing_is_sent() -> None:
    made = floor(api_trade_allowed=False)
    assert made.terminal.order_send(order(BUY)._asdict()) is None
    assert made.terminal.last_error()[0] == mt5.RES_E_AUTO_TRADING_DISABLED
    info = made.terminal.terminal_info()
    assert info is not None
    assert info.tradeapi_disabled
