"""Agents of one account under load: killed, started, stopped, and nothing is lost or crossed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from infra.config import Config
from infra.mt5.agent.scaling import Rules
from infra.mt5.chaos.drill import Drill, Plan
from infra.mt5.chaos.fleet import isolated

STRUCK = "every account that was struck answers again"
SYMBOLS = ("EURUSD", "GBPUSD", "USDJPY", "AUDUSD")


@pytest.mark.thorough
def test_an_account_with_two_terminals_loses_either(tmp_path: Path) -> None:
    config = isolated(Config.load(os.environ), tmp_path, 1, SYMBOLS, terminals=(2, 2))
    drill = Drill(
        config, Plan(seconds=10.0, luck=2, strike_every_s=1.5, pause_s=0.1, strikes_min=2)
    )
    verdicts = drill.run(lambda _done_s, _all_s: None)
    assert [str(v) for v in verdicts if not v.holds] == []
    assert {intent.order.symbol for intent in drill.intents} == set(SYMBOLS)
    struck = {strike.epoch for strike in drill.fleet.strikes}
    assert len(struck) >= 2
    assert len(drill.fleet.lives(config.accounts[0]) - struck) >= 1


@pytest.mark.thorough
def test_terminals_come_and_go_under_load_and_nothing_is_lost(tmp_path: Path) -> None:
    config = isolated(Config.load(os.environ), tmp_path, 1, SYMBOLS, terminals=(1, 2))
    rules = Rules(sends_per_s_each=5.0, up_after_s=1.0, down_after_s=2.0)
    plan = Plan(seconds=40.0, luck=2, strike_every_s=1e9, pause_s=0.02, delay_ms=0)
    drill = Drill(config, plan, rules=rules)
    account, counts = config.accounts[0], [1]

    def watched(_done_s: float, _all_s: float) -> None:
        running = len(drill.fleet.crew(account).keepers)
        if running != counts[-1]:
            counts.append(running)
        if len(drill.fleet.lives(account)) == 2:  # both have worked: now there is less to do
            for lane in drill.lanes:
                lane.pause_s = 4.0

    verdicts = drill.run(watched)
    assert [v.claim for v in verdicts if not v.holds] == [STRUCK]
    assert counts == [1, 2, 1]
    assert not drill.fleet.crew(account).draining
    assert not any(intent.unknown for intent in drill.intents), "it was drained, not cut off"
