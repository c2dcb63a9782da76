"""Figures and quotes of symbols are there before an order is, and are not believed for ever."""

from __future__ import annotations

from typing import Any

import pytest

from commands.accounts import ACCOUNTS
from events.orders import OrderFilled, OrderNotExecuted, OrderRejected
from events.values import lots, price
from infra.mt5.gateway.checks import known_of
from infra.mt5.gateway.health import Identity
from infra.mt5.gateway.room import Missing
from infra.mt5.gateway.verdict import SPEC_AGE_S_MAX, Sendable, verdict
from infra.mt5.gateway.warm import Warm
from infra.mt5.simulator.settings import SERVER
from tests.infra.mt5.desk import ACCOUNT, message, order, symbol
from tests.infra.mt5.floor import LOGIN, Floor
from tests.infra.mt5.floor import SYMBOLS as QUOTED
from tests.infra.mt5.gateway.quoting import Clock, Terminal, of


def test_an_order_finds_the_figures_read_and_asks_the_quote_alone(
    terminal: Terminal, warm: Warm
) -> None:
    terminal.asked.clear()
    assert of(warm).spec.name == "EURUSD"
    assert terminal.asked == [("symbol_info_tick", "EURUSD")]


def test_figures_are_read_again_on_schedule_and_no_more_often(
    terminal: Terminal, clock: Clock, warm: Warm
) -> None:
    for _ in range(120):
        clock.sleep(1.0)
        warm.refresh()
    assert terminal.times("symbol_info") == 2 * 2
    assert of(warm).spec_age_s <= 60.0


def test_figures_that_are_too_old_are_asked_anew(
    terminal: Terminal, clock: Clock, warm: Warm
) -> None:
    clock.sleep(SPEC_AGE_S_MAX + 1)
    assert of(warm).spec_age_s == 0.0
    assert terminal.times("symbol_info") == 1


def test_figures_that_cannot_be_had_serve_until_they_are_too_old(
    terminal: Terminal, clock: Clock, warm: Warm
) -> None:
    terminal.silent.add("symbol_info")
    clock.sleep(SPEC_AGE_S_MAX)
    warm.refresh()
    assert of(warm).spec_age_s == SPEC_AGE_S_MAX
    clock.sleep(0.1)
    missing = warm.market("EURUSD")
    assert isinstance(missing, Missing)
    assert "no figures of EURUSD: (-10004" in missing.reason


def test_without_a_quote_there_is_no_market(terminal: Terminal, warm: Warm) -> None:
    terminal.silent.add("symbol_info_tick")
    missing = warm.market("EURUSD")
    assert isinstance(missing, Missing)
    assert "no quote of EURUSD" in missing.reason


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"volume_lots": lots(9)},
        {"volume_lots": lots("0.001")},
        {"symbol": "USDJPY"},
        {"price_reference": price(9)},
    ],
)
def test_what_is_told_beforehand_is_what_the_gateway_then_does(fields: dict[str, Any]) -> None:
    floor = Floor()
    floor.start()
    floor.run(3.0)
    asked = order(expires_at_us=floor.clock.now_us() + 60_000_000, **fields)
    floor.tape.append(message(asked))
    floor.ledger.store.append(f"orders:{asked.order_id}", 0, floor.tape)
    terminal, identity = floor.look(), Identity(LOGIN, SERVER)
    warm = Warm(terminal, floor.clock, QUOTED)
    warm.see_one_come()
    state = floor.ledger.store.state(ACCOUNTS, ACCOUNT)
    limits, symbols = floor.ledger.limits(), (asked.symbol,)
    known = known_of(terminal, warm, identity, floor.clock, symbols, state, limits)
    before = verdict(asked, known)
    floor.rest()
    last = floor.events(asked.order_id)[-1]
    if isinstance(before, Sendable):
        assert isinstance(last, OrderFilled)
        assert floor.sent[-1]["volume"] == before.request["volume"]
    else:
        assert isinstance(last, OrderNotExecuted | OrderRejected)
        told = last.evidence if isinstance(last, OrderNotExecuted) else last.detail
        assert before.detail in told
        assert floor.sends_of(asked.order_id) == 0


def test_figures_of_a_symbol_that_is_not_there_yet_are_none(
    terminal: Terminal, clock: Clock, warm: Warm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A terminal shows zeros before it has a symbol: those before serve, and are asked again."""
    sound, zeros = terminal.symbol_info, symbol(volume_step=0.0, volume_min=0.0)
    monkeypatch.setattr(terminal, "symbol_info", lambda _name: zeros)
    clock.sleep(SPEC_AGE_S_MAX)
    warm.refresh()
    assert of(warm).spec.volume_step > 0.0
    clock.sleep(0.1)
    missing = warm.market("EURUSD")
    assert isinstance(missing, Missing)
    assert missing.reason == "no figures of EURUSD: volume_step 0, volume_min 0"
    monkeypatch.setattr(terminal, "symbol_info", sound)
    assert of(warm).spec_age_s == 0.0
