"""`Buy`, `Sell` and `Close` do what the package's do."""

from __future__ import annotations

from types import ModuleType

import pytest

from infra.mt5.package import Package
from infra.mt5.shim import Options, broker_of, terminal_of
from infra.mt5.shim.convenience import DEVIATION_POINTS, TRIES, Convenience
from infra.mt5.shim.options import LOGIN
from infra.mt5.simulator.broker import Broker
from infra.mt5.simulator.clock import VirtualClock
from infra.mt5.simulator.faults import FaultRule
from tests.infra.mt5.worlds import START_MS

REQUOTE, REJECT, DONE = 10004, 10006, 10009


@pytest.fixture
def broker() -> Broker:
    return broker_of(Options(symbols=("EURUSD", "USDJPY")), VirtualClock(START_MS))


@pytest.fixture
def terminal(broker: Broker) -> Package:
    made = terminal_of(Options(), broker)
    assert made.initialize()
    return made


def test_a_position_is_opened_at_the_market_and_closed(mt5: ModuleType) -> None:
    bought = mt5.Buy("EURUSD", 0.1, comment="by name")
    assert bought.retcode == DONE
    assert bought.request.price == mt5.symbol_info_tick("EURUSD").ask
    assert (bought.request.magic, bought.request.deviation) == (0, DEVIATION_POINTS)
    sold = mt5.Sell("EURUSD", 0.2, mt5.symbol_info_tick("EURUSD").bid)
    assert [p.type for p in mt5.positions_get()] == [0, 1]
    assert mt5.Close("EURUSD", ticket=sold.order) is True
    assert [p.comment for p in mt5.positions_get()] == ["by name"]
    assert mt5.Close("EURUSD") is True
    assert mt5.positions_total() == 0
    assert mt5.Close("EURUSD") is False


def test_a_requote_is_tried_again_ten_times(broker: Broker, terminal: Package) -> None:
    easy = Convenience(terminal)
    for times, retcode in ((TRIES - 1, DONE), (TRIES, REQUOTE)):
        broker.inject(LOGIN, (FaultRule(kind="reject", retcode=REQUOTE, times=times),))
        result = easy.Buy("EURUSD", 0.1)
        assert result is not None
        assert result.retcode == retcode


def test_a_price_that_was_given_is_tried_once(broker: Broker, terminal: Package) -> None:
    tick = terminal.symbol_info_tick("EURUSD")
    assert tick is not None
    broker.inject(LOGIN, (FaultRule(kind="reject", retcode=REQUOTE),))
    result = Convenience(terminal).Sell("EURUSD", 0.1, tick.bid)
    assert result is not None
    assert result.retcode == REQUOTE


def test_some_of_them_closed_is_partially(broker: Broker, terminal: Package) -> None:
    easy = Convenience(terminal)
    for _ in range(2):
        easy.Sell("EURUSD", 0.1)
    broker.inject(LOGIN, (FaultRule(kind="reject", retcode=REJECT),))
    assert easy.Close("EURUSD") == "Partially"
    assert terminal.positions_total() == 1


def test_what_fails_is_none(broker: Broker, terminal: Package) -> None:
    easy = Convenience(terminal)
    assert easy.Buy("NOSUCH", 0.1) is None
    assert easy.Buy("EURUSD", 1) is None
    assert terminal.last_error() == (-2, 'Invalid "volume" argument')
    easy.Buy("EURUSD", 0.1)
    broker.inject(LOGIN, (FaultRule(kind="fail"),))
    assert easy.Close("EURUSD") is None
    terminal.shutdown()
    assert easy.Close("EURUSD") is None
