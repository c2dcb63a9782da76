"""The rules hold for the simulator, and are what they say they are."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import pytest

from infra.mt5 import constants as mt5
from infra.mt5.certify import report
from infra.mt5.certify.agent import behind_agent
from infra.mt5.certify.rule import Needs
from infra.mt5.certify.rules import FAMILIES, RULES, codes
from infra.mt5.certify.run import Outcome, all_tried, summary
from infra.mt5.certify.situations import SITUATIONS, SimulatorStage
from infra.mt5.shim.module import FUNCTIONS
from infra.mt5.terminal import Terminal
from infra.mt5.vendor import VendorTerminal
from tests.house import ROOT

RULES_MIN = 250
PAGES = {
    *FUNCTIONS,
    "Account Properties",
    "Deal Properties",
    "Order Properties",
    "Position Properties",
    "Return Codes of the Trade Server",
    "Symbol Properties",
    "TIMEFRAME",
    "Trade Request Result Structure",
    "Trade Request Structure",
}
"""Pages of the vendor's documentation: those of the package's functions, and of MQL5."""
QUICK = ("Session", "Return codes", "Results", "Failures")


def _quiet(_done: int, _all: int) -> None:
    """Nobody watches."""


@pytest.mark.parametrize("family", FAMILIES)
def test_every_rule_holds_for_the_simulator(family: str) -> None:
    verdicts = all_tried(FAMILIES[family], SimulatorStage(), _quiet)
    assert [v for v in verdicts if v.outcome is not Outcome.PASSED] == []


@pytest.mark.parametrize(
    "family",
    [f if f in QUICK else pytest.param(f, marks=pytest.mark.thorough) for f in FAMILIES],
)
def test_every_rule_holds_behind_an_agent(family: str) -> None:
    """But for the one that changes the account, which an agent does not let happen."""
    verdicts = all_tried(FAMILIES[family], SimulatorStage(behind_agent, "behind"), _quiet)
    others = {v.rule.number: v.outcome for v in verdicts if v.outcome is not Outcome.PASSED}
    assert others == ({120: Outcome.NOT_PROVOKABLE} if family == "Session" else {})


@contextmanager
def _as_vendor(terminal: Terminal, _login: int) -> Iterator[Terminal]:
    """The terminal where the vendor's package would be, behind our door to it."""
    with patch.dict(sys.modules, {"MetaTrader5": terminal}):
        yield VendorTerminal()


@pytest.mark.parametrize(
    "family", [*QUICK, "Arguments", "Lists of symbols", "Positions and orders"]
)
def test_our_door_to_the_vendors_package_changes_nothing(family: str) -> None:
    verdicts = all_tried(FAMILIES[family], SimulatorStage(_as_vendor, "vendor"), _quiet)
    others = {v.rule.number: v.outcome for v in verdicts if v.outcome is not Outcome.PASSED}
    assert others == ({120: Outcome.NOT_PROVOKABLE} if family == "Session" else {})


def test_rules_are_many_and_their_numbers_are_their_own() -> None:
    assert len(RULES) >= RULES_MIN
    assert len({rule.number for rule in RULES}) == len(RULES)
    for family in FAMILIES.values():
        numbers = [rule.number for rule in family]
        assert numbers == sorted(numbers)
        assert len({number // 100 for number in numbers}) == 1


def test_every_rule_rests_on_a_page_and_says_one_thing() -> None:
    assert {rule.page for rule in RULES} <= PAGES
    assert len({(rule.title, rule.page) for rule in RULES}) == len(RULES)


def test_every_return_code_has_a_rule() -> None:
    named = {value for name, value in vars(mt5).items() if name.startswith("TRADE_RETCODE_")}
    assert set(codes.CAUSES) == named | {10046, codes.OF_A_PLUGIN}
    assert len(codes.RULES) == len(codes.CAUSES)
    names = {value: name for name, value in vars(mt5).items() if name.startswith("TRADE_RETCODE_")}
    for code, (name, _, _) in codes.CAUSES.items():
        assert names.get(code, name).removeprefix("TRADE_RETCODE_") == name


def test_every_situation_is_set_and_used() -> None:
    assert {rule.situation for rule in RULES} == set(SITUATIONS)


def test_what_asks_a_broker_to_be_told_may_also_trade() -> None:
    """So that a real terminal says of it that it cannot be provoked, not that it needs leave."""
    assert all(rule.needs is Needs.TRADE for rule in codes.RULES)


def test_the_docs_list_the_rules_of_today() -> None:
    told = (ROOT / "docs/mt5/certify.md").read_text()
    assert told == report.listed(FAMILIES), "tapedeck mt5 certify --list > docs/mt5/certify.md"


def test_reports_list_every_rule_with_its_outcome() -> None:
    family = FAMILIES["Constants"]
    verdicts = all_tried(family, SimulatorStage(), _quiet)
    text = report.markdown("simulator", FAMILIES, verdicts)
    told = json.loads(report.json("simulator", verdicts))
    assert summary(verdicts) in text
    assert len(told["rules"]) == len(family)
    for rule, row in zip(family, told["rules"], strict=True):
        assert f"| {rule.name} | {rule.title} | {rule.page} | passed |" in text
        assert (row["number"], row["outcome"]) == (rule.name, "passed")


def test_the_readme_counts_them() -> None:
    assert f"[{len(RULES)} numbered rules]" in (ROOT / "README.md").read_text()
