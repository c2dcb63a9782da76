"""A short drill on real agents: it holds, and it notices links that do what none may."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from infra.config import Config
from infra.mt5.accounts import login_of
from infra.mt5.chaos.drill import Drill, Plan
from infra.mt5.chaos.fleet import isolated
from infra.mt5.chaos.record import Outcome
from infra.mt5.link import Link
from tests.infra.mt5.chaos.broken import Crossed, Late, Repeating

CROSSED, ORDER, SETTLED, ONCE, STRUCK = (
    "no reply or deal of another account",
    "order kept per account and symbol",
    "every order settled",
    "each dealt once, or known not to be",
    "every account that was struck answers again",
)
SYMBOLS = ("EURUSD", "USDJPY")


def at(_done_s: float, _all_s: float) -> None:
    """Nobody watches."""


def copy(home: Path, accounts: int) -> Config:
    return isolated(Config.load(os.environ), home, accounts, SYMBOLS)


@pytest.mark.thorough
def test_agents_are_killed_and_nothing_is_lost_doubled_or_crossed(tmp_path: Path) -> None:
    plan = Plan(seconds=6.0, luck=5, strike_every_s=1.5, pause_s=0.2, strikes_min=2)
    drill = Drill(copy(tmp_path, 3), plan)
    verdicts = drill.run(at)
    assert [str(v) for v in verdicts if not v.holds] == []
    strikes = drill.fleet.strikes
    assert len(strikes) >= 2
    assert {intent.outcome for intent in drill.intents} >= {Outcome.DONE}
    assert drill.crossings.reads > len(drill.intents)


@pytest.mark.thorough
def test_links_that_repeat_cross_or_delay_are_noticed(tmp_path: Path) -> None:
    config = copy(tmp_path, 4)
    shown: dict[int, Any] = {}
    repeating, late, *crossed = (login_of(account) for account in config.accounts)

    def broken(link: Link, login: int) -> Link:
        if login in crossed:
            return Crossed(link, login, shown)
        return Late(link) if login == late else Repeating(link)

    plan = Plan(seconds=12.0, luck=5, strike_every_s=1e9, pause_s=0.1, delay_ms=0, settle_s=5.0)
    verdicts = {verdict.claim: verdict for verdict in Drill(config, plan, broken).run(at)}
    assert not verdicts[CROSSED].holds
    assert str(crossed[0]) in verdicts[CROSSED].detail
    assert not verdicts[ORDER].holds
    assert str(late) in verdicts[ORDER].detail
    assert not verdicts[ONCE].holds
    assert f"chaos/{repeating}" in verdicts[ONCE].detail
    assert "was dealt 2 times" in verdicts[ONCE].detail
    assert not verdicts[SETTLED].holds, "an account that is shown another's deals never knows"
    assert not verdicts[STRUCK].holds, "without a strike nothing is proven"
