"""How old a quote is, told by nothing but the quotes."""

from __future__ import annotations

from math import inf
from typing import Any

import pytest

from events.limits import QUOTE_AGE_MS_MAX
from events.orders import OrderNotExecuted
from infra.mt5.gateway.warm import LEAD_FOR_S, MOVES_WITHIN_S, Warm
from tests.infra.mt5.floor import Floor
from tests.infra.mt5.gateway.quoting import Clock, Terminal, move, of

QUOTE_AGE_S_MAX = QUOTE_AGE_MS_MAX / 1_000


def test_a_quote_ages_while_it_stands_and_is_new_when_it_moves(
    terminal: Terminal, clock: Clock, warm: Warm
) -> None:
    clock.sleep(QUOTE_AGE_S_MAX + 1)
    assert of(warm).tick_age_s == pytest.approx(QUOTE_AGE_S_MAX + 1)
    terminal.moved_at_ms["EURUSD"] += 61_000
    assert of(warm).tick_age_s == pytest.approx(0.0, abs=1e-6)


def test_a_quote_that_has_not_been_seen_to_come_may_be_of_last_week(
    terminal: Any, clock: Clock
) -> None:
    """One waits a little for one right after the first look, and only then."""
    warm = Warm(terminal, clock, ("EURUSD", "GBPUSD"))
    assert of(warm).tick_age_s == inf
    warm.see_one_come()
    assert clock.now_s == pytest.approx(1_000.0 + MOVES_WITHIN_S, abs=0.1)
    assert of(warm).tick_age_s == inf
    at_s = clock.now_s
    warm.see_one_come()
    assert clock.now_s == at_s


def test_one_quote_that_comes_tells_how_old_the_others_are(terminal: Any, clock: Clock) -> None:
    warm = Warm(terminal, clock, ("EURUSD", "GBPUSD"))
    warm.refresh()
    move(terminal, 30_000, "GBPUSD")
    warm.see_one_come()
    assert of(warm, "EURUSD").tick_age_s == pytest.approx(30.0, abs=0.1)
    assert not warm.watching


def test_old_quotes_that_come_one_after_the_other_are_old(
    terminal: Terminal, clock: Clock, warm: Warm
) -> None:
    """A terminal that was cut off may tell its way up to now."""
    clock.sleep(300.0)
    for _ in range(3):
        move(terminal, 20_000, "EURUSD", "GBPUSD")
        clock.sleep(1.0)
        warm.refresh()
    assert of(warm).tick_age_s == pytest.approx(300.0 + 3 - 3 * 20.0)


def test_a_clock_of_the_venue_that_was_put_back_is_believed_after_a_while(
    terminal: Terminal, clock: Clock, warm: Warm
) -> None:
    move(terminal, -3_600_000, "EURUSD", "GBPUSD")
    assert of(warm).tick_age_s == pytest.approx(3_600.0)
    for _ in range(2):
        clock.sleep(LEAD_FOR_S + 1)
        move(terminal, round((LEAD_FOR_S + 1) * 1_000), "EURUSD", "GBPUSD")
        warm.refresh()
    assert of(warm).tick_age_s == pytest.approx(0.0, abs=1e-6)


def test_a_quote_is_as_old_as_it_is_behind_the_newest_of_any_symbol(
    terminal: Terminal, warm: Warm
) -> None:
    """Seen for the first time it is no newer for that."""
    terminal.moved_at_ms["GBPUSD"] += 90_000
    warm.refresh()
    assert of(warm, "EURUSD").tick_age_s == pytest.approx(90.0)
    assert of(warm, "GBPUSD").tick_age_s == pytest.approx(0.0, abs=1e-6)


class Standing:
    """A terminal whose quotes stand from a moment on, while everything else goes on."""

    stands = False

    def __init__(self, port: Any) -> None:
        self._port = port
        self._stood: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._port, name)

    def symbol_info_tick(self, name: str) -> Any:
        stood = self._stood.get(name) if self.stands else None
        self._stood[name] = stood or self._port.symbol_info_tick(name)
        return self._stood[name]


def standing(port: Any) -> Any:
    return Standing(port) if hasattr(port, "symbol_info_tick") else port


def test_an_order_right_after_the_start_waits_to_see_a_quote_come() -> None:
    floor = Floor()
    floor.start(settled=False)
    floor.accept("x/open")
    floor.turn()
    assert floor.story("x/open")[-1] == "OrderAccepted"
    floor.run(2.0)
    assert floor.story("x/open")[-1] == "OrderFilled"


def test_where_no_quote_comes_an_order_is_refused_in_time_and_a_close_is_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Standing, "stands", True)
    floor = Floor()
    floor.start()
    floor.accept("x/open")
    floor.rest()
    floor.start(standing, settled=False)
    floor.accept("y/open")
    floor.close("x/close", "x/open")
    floor.turn()
    floor.turn()
    assert floor.story("x/close")[-1] == "OrderFilled"
    assert floor.story("y/open")[-1] == "OrderAccepted"
    floor.run(MOVES_WITHIN_S + 1)
    (told,) = [e for e in floor.events("y/open") if isinstance(e, OrderNotExecuted)]
    assert "none has come since the gateway looks" in told.evidence
    assert floor.sends_of("y/open") == 0


def test_an_order_on_a_quote_that_stands_is_not_sent_and_says_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    floor = Floor()
    floor.start(standing)
    floor.run(2.0)
    monkeypatch.setattr(Standing, "stands", True)
    floor.accept("x/open", expires_at_us=floor.clock.now_us() + 900_000_000)
    floor.rest()
    assert floor.story("x/open")[-1] == "OrderFilled"
    floor.run(QUOTE_AGE_S_MAX)
    floor.accept("y/open", expires_at_us=floor.clock.now_us() + 900_000_000)
    floor.close("x/close", "x/open")
    floor.rest()
    assert floor.story("y/open")[-1] == "OrderNotExecuted"
    (told,) = [e for e in floor.events("y/open") if isinstance(e, OrderNotExecuted)]
    assert "quote of EURUSD: 6" in told.evidence
    assert floor.sends_of("y/open") == 0
    assert floor.story("x/close")[-1] == "OrderFilled"


def test_a_quote_that_comes_back_as_it_was_is_as_old_as_it_was(
    terminal: Terminal, clock: Clock, warm: Warm
) -> None:
    clock.sleep(QUOTE_AGE_S_MAX)
    terminal.silent.add("symbol_info_tick")
    warm.refresh()
    clock.sleep(1.0)
    terminal.silent.clear()
    assert of(warm).tick_age_s == pytest.approx(QUOTE_AGE_S_MAX + 1.0)
