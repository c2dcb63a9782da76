"""A real terminal is read, and traded on only when told so and only with play money."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from infra.mt5 import constants as mt5
from infra.mt5.certify.rule import PLAIN, Needs, Rule
from infra.mt5.certify.rules import FAMILIES, RULES
from infra.mt5.certify.run import Outcome, Verdict, all_tried
from infra.mt5.certify.scene import Scene
from infra.mt5.certify.stage import LiveStage, Refused
from infra.mt5.simulator.settings import PASSWORD, SERVER, AccountSettings
from infra.mt5.terminal import Terminal
from tests.infra.mt5.worlds import OTHER, World, in_process, opened, settings

ABOUT_NO_POSITIONS = 216
ANYWHERE = tuple(rule for rule in RULES if rule.situation == PLAIN)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A terminal on whose clock nobody has to wait."""
    with in_process(settings()) as made:
        monkeypatch.setattr(time, "sleep", lambda s: made.clock.advance(round(s * 1000)))
        yield made


def live(terminal: Terminal, trade: bool = False, symbol: str = "EURUSD") -> LiveStage:
    """The terminal as a real one is taken."""
    return LiveStage.of("a terminal", terminal, symbol, trade, {})


def tried(rules: tuple[Rule, ...], stage: LiveStage) -> tuple[Verdict, ...]:
    """The verdicts."""
    return all_tried(rules, stage, lambda _done, _all: None)


def sent(terminal: Terminal) -> list[Any]:
    """The requests that go to the broker from now on."""
    requests: list[Any] = []
    plain = terminal.order_send

    def listened(*given: Any, **named: Any) -> Any:
        requests.append(given[0] if given else named)
        return plain(*given, **named)

    terminal.order_send = listened  # type: ignore[method-assign]
    return requests


def test_without_leave_nothing_is_sent_and_nothing_is_said_to_have_passed(world: World) -> None:
    terminal = world.ready()
    requests = sent(terminal)
    verdicts = tried(RULES, live(terminal))
    assert [v for v in verdicts if v.outcome is Outcome.FAILED] == []
    assert [r for r in requests if isinstance(r, dict) and r.get("volume")] == []
    for verdict in verdicts:
        if verdict.rule.situation != PLAIN:
            assert verdict.outcome is Outcome.NOT_PROVOKABLE
        elif verdict.rule.needs is Needs.TRADE:
            assert verdict.outcome is Outcome.NOT_RUN
        else:
            assert verdict.outcome is Outcome.PASSED


def test_a_rule_that_finds_nothing_of_what_it_is_about_has_not_passed(world: World) -> None:
    terminal = world.ready()
    opened(terminal)
    by_number = {rule.number: rule for rule in RULES}
    rules = tuple(by_number[number] for number in (ABOUT_NO_POSITIONS, 904, 919))
    outcomes = [verdict.outcome for verdict in tried(rules, live(terminal, symbol="XAUUSD"))]
    assert outcomes == [Outcome.NOT_PROVOKABLE] * 3


def test_rules_about_hedging_have_not_passed_on_a_netting_account(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terms = AccountSettings(margin_mode=mt5.ACCOUNT_MARGIN_MODE_RETAIL_NETTING)
    rules = tuple(rule for rule in RULES if rule.number in (1041, 1325))
    with in_process(settings(terms=terms)) as netting:
        monkeypatch.setattr(time, "sleep", lambda s: netting.clock.advance(round(s * 1000)))
        verdicts = tried(rules, live(netting.ready(), trade=True))
    assert [v.outcome for v in verdicts] == [Outcome.NOT_PROVOKABLE] * 2


def test_with_leave_rules_trade_the_least_volume_and_clear_it_away(world: World) -> None:
    terminal = world.ready()
    mine = opened(terminal)  # somebody else's, as far as the rules know
    requests = sent(terminal)
    verdicts = tried(ANYWHERE, live(terminal, trade=True))
    others = {v.rule.number: v.outcome for v in verdicts if v.outcome is not Outcome.PASSED}
    assert others == {ABOUT_NO_POSITIONS: Outcome.NOT_PROVOKABLE}
    assert [each.ticket for each in terminal.positions_get() or ()] == [mine.ticket]
    assert terminal.orders_get() == ()
    volumes = {request["volume"] for request in requests if "volume" in request}
    assert max(v for v in volumes if isinstance(v, float)) <= 0.02


def test_nothing_is_traded_on_an_account_with_real_money() -> None:
    terms = AccountSettings(trade_mode=mt5.ACCOUNT_TRADE_MODE_REAL)
    with in_process(settings(terms=terms)) as real:
        with pytest.raises(Refused, match="no demo account"):
            live(real.ready(), trade=True)
        assert live(real.ready()).login


@pytest.mark.parametrize("symbol", ["NOWHERE", ""])
def test_a_symbol_that_is_not_there_is_refused(world: World, symbol: str) -> None:
    with pytest.raises(Refused, match="no symbol"):
        live(world.terminal(90001), symbol=symbol)


def test_a_rule_that_says_it_only_reads_cannot_send(world: World) -> None:
    rule = Rule(1, "lies", "order_send", lambda scene: (scene.opened(), None)[1])
    terminal = world.ready()
    for stage in (live(terminal), live(terminal, trade=True)):
        (verdict,) = tried((rule,), stage)
        assert (verdict.outcome, "sends nothing" in verdict.detail) == (Outcome.FAILED, True)
    assert terminal.positions_get() == ()


def test_nothing_is_sent_once_another_account_is_logged_in(world: World) -> None:
    terminal = world.ready()
    stage = live(terminal, trade=True)
    assert terminal.login(OTHER, PASSWORD, SERVER)
    rule = Rule(1, "trades", "order_send", lambda scene: (scene.opened(), None)[1], Needs.TRADE)
    (verdict,) = tried((rule,), stage)
    assert verdict.outcome is Outcome.FAILED
    assert "no longer the demo account" in verdict.detail
    assert terminal.positions_get() == ()


def test_what_cannot_be_cleared_away_is_told(world: World) -> None:
    terminal = world.ready()

    def leaves(scene: Scene) -> None:
        scene.opened()
        plain = terminal.order_send
        deaf = lambda *_given, **_named: None  # noqa: E731
        terminal.order_send = deaf  # type: ignore[method-assign]
        restored.append(plain)

    restored: list[Any] = []
    rule = Rule(1, "leaves a position", "order_send", leaves, Needs.TRADE)
    (verdict,) = tried((rule,), live(terminal, trade=True))
    assert verdict.outcome is Outcome.FAILED
    assert "could not be cleared away" in verdict.detail


def test_a_terminal_that_is_gone_fails_and_does_not_stop_the_run(world: World) -> None:
    terminal = world.ready()
    stage = live(terminal)
    terminal.shutdown()
    terminal.initialize = lambda **_: False  # type: ignore[method-assign]
    verdicts = tried(FAMILIES["Symbols"][:3], stage)
    assert [v.outcome for v in verdicts] == [Outcome.FAILED] * 3
    assert "is gone" in verdicts[0].detail
