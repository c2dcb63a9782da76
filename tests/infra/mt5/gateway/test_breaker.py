"""The breaker at work: unknowns and a broken link stop new risk, and nothing else, for a while."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from commands.accounts import ACCOUNTS, BreakerPosition
from events.accounts import BreakerClosed, BreakerHalfOpened, BreakerOpened
from infra.mt5 import constants as mt5
from infra.mt5.backoff import LAST_S
from infra.mt5.breaker import Breaker
from infra.mt5.gateway.health import Identity, Rung, look
from infra.mt5.simulator.faults import FaultRule
from infra.mt5.simulator.settings import SERVER
from tests.infra.mt5.desk import ACCOUNT
from tests.infra.mt5.floor import LOGIN, SYMBOLS, Floor

UNKNOWN = FaultRule(kind="reject", retcode=mt5.TRADE_RETCODE_TIMEOUT, times=3)
SILENT = FaultRule(kind="fail", error=mt5.RES_E_FAIL, function="positions_get", times=1_000)


@pytest.fixture
def floor() -> Floor:
    return Floor()


def turns(floor: Floor) -> list[str]:
    """What the tape tells of the breaker."""
    kinds = BreakerOpened | BreakerHalfOpened | BreakerClosed
    return [type(event).__name__ for event in floor.events() if isinstance(event, kinds)]


def position(floor: Floor) -> BreakerPosition:
    """As the account's stream has it."""
    state: BreakerPosition = floor.ledger.store.state(ACCOUNTS, ACCOUNT).breaker
    return state


def opened(floor: Floor, *rules: FaultRule) -> None:
    """Three sends in a row have been answered by nothing that proves anything."""
    floor.spoil(UNKNOWN)
    for symbol in SYMBOLS:
        floor.accept(f"{symbol}/open", symbol)
    for _ in SYMBOLS:
        floor.turn()
    assert position(floor) is BreakerPosition.OPEN
    floor.spoil(*rules)


def test_unknowns_open_it_and_a_read_closes_it_again(floor: Floor) -> None:
    floor.start()
    opened(floor)
    floor.rest()
    assert turns(floor) == ["BreakerOpened", "BreakerHalfOpened", "BreakerClosed"]
    (told,) = [event for event in floor.events() if isinstance(event, BreakerOpened)]
    assert told.reason.startswith("3 sends in a row are unknown: 10012")
    floor.accept("later/open")
    floor.rest()
    assert floor.story("later/open")[-1] == "OrderFilled"


def test_two_unknowns_and_an_answer_open_nothing(floor: Floor) -> None:
    floor.start()
    floor.spoil(FaultRule(kind="reject", retcode=mt5.TRADE_RETCODE_TIMEOUT, times=2))
    for symbol in SYMBOLS:
        floor.accept(f"{symbol}/open", symbol)
    floor.rest()
    assert turns(floor) == []


def test_while_it_is_open_only_what_closes_is_sent(floor: Floor) -> None:
    floor.start()
    floor.accept("held/open")
    floor.rest()
    opened(floor, SILENT)
    floor.accept("new/open", "GBPUSD")
    floor.close("held/close", opened_by="held/open")
    floor.run(2.0)
    assert position(floor) is not BreakerPosition.CLOSED
    assert floor.sends_of("held/close") == 0  # an order on its symbol is looked for
    assert floor.sends_of("new/open") == 0
    floor.spoil()
    floor.rest()
    assert floor.story("held/close")[-1] == "OrderFilled"
    assert floor.story("new/open")[-1] == "OrderFilled"


def test_an_order_that_closes_does_not_wait_behind_one_that_must(floor: Floor) -> None:
    floor.start()
    floor.accept("held/open", "AUDUSD")
    floor.rest()
    gateway: Any = floor.gateway
    guard = gateway._guard
    guard._breaker = Breaker(position=BreakerPosition.OPEN, probe_at_s=1e12)
    floor.accept("new/open", "AUDUSD")
    floor.close("held/close", opened_by="held/open")
    floor.turn()
    floor.turn()
    assert (floor.sends_of("held/close"), floor.sends_of("new/open")) == (1, 0)
    guard._breaker = Breaker()
    floor.rest()
    assert floor.sends_of("new/open") == 1


def test_a_probe_that_is_not_answered_keeps_it_open_for_longer(floor: Floor) -> None:
    floor.start()
    opened(floor, SILENT)
    floor.run(8.0)
    told = turns(floor)
    assert told[:5] == ["BreakerOpened", *["BreakerHalfOpened", "BreakerOpened"] * 2]
    assert len(told) < 12
    floor.spoil()
    floor.run(2 * LAST_S)
    assert turns(floor)[-1] == "BreakerClosed"


def test_an_open_breaker_outlives_the_session(floor: Floor) -> None:
    floor.start()
    opened(floor, SILENT)
    floor.accept("new/open", "GBPUSD")
    floor.start()
    floor.turn()
    assert floor.sends_of("new/open") == 0
    floor.spoil()
    floor.rest()
    assert position(floor) is BreakerPosition.CLOSED
    assert turns(floor)[-1] == "BreakerClosed"


def test_a_link_that_cannot_be_made_opens_it_and_is_tried_ever_more_seldom(floor: Floor) -> None:
    links: list[Any] = []
    tried: list[float] = []

    def wrap(port: Any) -> Any:
        if hasattr(port, "_terminal"):
            links.append(port._terminal._link)
            link, open_ = links[-1], links[-1].open

            def timed(timeout_ms: int) -> None:
                tried.append(floor.clock.monotonic_s())
                open_(timeout_ms)

            link.open = timed
        return port

    floor.start(wrap)
    links[0].reachable = False
    links[0].close()
    began_s = len(tried)
    floor.run(120.0)
    waits = [b - a for a, b in pairwise(tried[began_s:])]
    assert waits[0] < 2.0
    assert 20.0 < waits[-1] < 40.0
    assert turns(floor)[0] == "BreakerOpened"
    links[0].reachable = True
    floor.run(90.0)
    assert turns(floor)[-1] == "BreakerClosed"
    floor.accept("later/open")
    floor.rest()
    assert floor.story("later/open")[-1] == "OrderFilled"


def test_a_terminal_without_its_brokers_symbols_is_not_synchronised(floor: Floor) -> None:
    terminal = floor.look()
    identity = Identity(LOGIN, SERVER)
    assert look(terminal, identity).rung is Rung.TRADING
    floor.spoil(FaultRule(kind="fail", error=mt5.RES_E_FAIL, function="symbols_total"))
    health = look(terminal, identity)
    assert health.rung is Rung.AUTHORISED
    assert not health.readable
    assert "synchronised" in health.detail
