"""The figures of the simulator's speed are of work that was really done."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from infra.bench import simulator
from infra.bench.figures import Figure
from infra.config import Config
from infra.mt5.simulator import settings

CONFIG = Config.load({})
Terms = Callable[..., settings.BrokerSettings]


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulator, "SENDS", 100)
    monkeypatch.setattr(simulator, "DAYS", 1)


def ruled(monkeypatch: pytest.MonkeyPatch, terms: settings.AccountSettings) -> None:
    """The bench's broker has these terms."""
    told: Terms = partial(settings.BrokerSettings, terms=terms)
    monkeypatch.setattr(simulator, "BrokerSettings", told)


@pytest.mark.parametrize("bench", [simulator.ticks, simulator.sends])
def test_the_bench_gives_a_rate_beside_its_aim(bench: Callable[[Config, int], Figure]) -> None:
    figure = bench(CONFIG, 1)
    assert figure.ours > 0
    assert (figure.peer, figure.unit, figure.ceiling) == ("limit", "/s", False)


def test_a_refused_order_voids_the_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    ruled(monkeypatch, settings.AccountSettings(positions_max=0))
    with pytest.raises(RuntimeError, match="void"):
        simulator.sends(CONFIG, 1)


def test_a_position_that_is_lost_voids_the_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    ruled(monkeypatch, settings.AccountSettings(stop_out=1e9))
    with pytest.raises(RuntimeError, match="void"):
        simulator.ticks(CONFIG, 1)
