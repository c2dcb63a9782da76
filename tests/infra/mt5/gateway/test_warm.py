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
from infra.mt5.gateway.verdict import QUOTE_AGE_S_MAX, SPEC_AGE_S_MAX, Market, Sendable, verdict
from infra.mt5.gateway.warm import Warm
from infra.mt5.simulator.settings import SERVER
from tests.infra.mt5.desk import ACCOUNT, message, order, quote, symbol
from tests.infra.mt5.floor import LOGIN, Floor


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_000.0

    def monotonic_s(self) -> float:
        return self.now_s

    def now_us(self) -> int:
        return round(self.now_s * 1_000_000)

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


class Terminal:
    """Its quotes stand until they are moved; `asked` is every call in turn."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []
        self.moved_at_ms = {"EURUSD": 5_000, "GBPUSD": 5_000}
        self.silent: set[str] = set()

    def ahead(self, *calls: Any) -> None:
        pass

    def last_error(self) -> tuple[int, str]:
        return (-10004, "No IPC connection")

    def symbol_select(self, _name: str, _enable: bool = True) -> bool:
        return True

    def symbol_info(self, name: str) -> Any:
        self.asked.append(("symbol_info", name))
        return None if "symbol_info" in self.silent else symbol(name=name)

    def symbol_info_tick(self, name: str) -> Any:
        self.asked.append(("symbol_info_tick", name))
        silent = "symbol_info_tick" in self.silent
        return None if silent else quote()._replace(time_msc=self.moved_at_ms[name])

    def times(self, function: str) -> int:
        return sum(call[0] == function for call in self.asked)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def terminal() -> Terminal:
    return Terminal()


@pytest.fixture
def warm(terminal: Any, clock: Clock) -> Warm:
    kept = Warm(terminal, clock, ("EURUSD", "GBPUSD"))
    kept.refresh()
    return kept


def of(warm: Warm, name: str = "EURUSD") -> Market:
    market = warm.market(name)
    assert isinstance(market, Market), market
    return market


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
    assert terminal.times("symbol_info") == 2 * 3
    assert of(warm).spec_age_s <= 60.0


def test_figures_that_are_too_old_are_asked_anew(
    terminal: Terminal, clock: Clock, warm: Warm
) -> None:
    clock.sleep(SPEC_AGE_S_MAX + 1)
    assert of(warm).spec_age_s == 0.0
    assert terminal.times("symbol_info") == 3


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


def test_a_quote_ages_while_it_stands_and_is_new_when_it_moves(
    terminal: Terminal, clock: Clock, warm: Warm
) -> None:
    clock.sleep(QUOTE_AGE_S_MAX + 1)
    assert of(warm).tick_age_s == QUOTE_AGE_S_MAX + 1
    terminal.moved_at_ms["EURUSD"] += 61_000
    assert of(warm).tick_age_s == 0.0


def test_a_quote_is_as_old_as_it_is_behind_the_newest_of_any_symbol(
    terminal: Terminal, warm: Warm
) -> None:
    """Seen for the first time it is no newer for that."""
    terminal.moved_at_ms["GBPUSD"] += 90_000
    warm.refresh()
    assert of(warm, "EURUSD").tick_age_s == 90.0
    assert of(warm, "GBPUSD").tick_age_s == 0.0


class Standing:
    """A terminal whose quotes stand from a moment on, while everything else goes on."""

    def __init__(self, port: Any) -> None:
        self._port = port
        self._stood: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._port, name)

    def symbol_info_tick(self, name: str) -> Any:
        return self._stood.setdefault(name, self._port.symbol_info_tick(name))


def test_an_order_on_a_quote_that_stands_is_not_sent_and_says_why() -> None:
    floor = Floor()
    floor.start(lambda port: Standing(port) if hasattr(port, "symbol_info_tick") else port)
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
    warm = Warm(terminal, floor.clock)
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


def test_a_quote_that_comes_back_as_it_was_is_as_old_as_it_was(
    terminal: Terminal, clock: Clock, warm: Warm
) -> None:
    clock.sleep(QUOTE_AGE_S_MAX)
    terminal.silent.add("symbol_info_tick")
    warm.refresh()
    clock.sleep(1.0)
    terminal.silent.clear()
    assert of(warm).tick_age_s == QUOTE_AGE_S_MAX + 1.0


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
