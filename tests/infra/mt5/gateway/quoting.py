"""A terminal that quotes what it is told, and a clock that moves when it is told."""

from __future__ import annotations

from typing import Any

from infra.mt5.gateway.verdict import Market
from infra.mt5.gateway.warm import Warm
from tests.infra.mt5.desk import quote, symbol


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


def move(terminal: Terminal, by_ms: int, *names: str) -> None:
    for name in names:
        terminal.moved_at_ms[name] += by_ms


def of(warm: Warm, name: str = "EURUSD") -> Market:
    market = warm.market(name)
    assert isinstance(market, Market), market
    return market
