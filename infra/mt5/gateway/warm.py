"""Symbols' figures and quotes, kept warm, each with its age: an order waits for neither.

How old a quote is nobody tells in a clock of ours: its time is the venue's, whose distance from us
changes with the seasons. So its age is how far it is behind the newest quote of any symbol, in the
venue's clock, and how long that one has stood, in ours.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from infra.mt5.gateway.clock import Clock
from infra.mt5.gateway.room import Missing
from infra.mt5.gateway.verdict import SPEC_AGE_S_MAX, Market
from infra.mt5.link import Called
from infra.mt5.requests import senseless
from infra.mt5.terminal import Terminal
from infra.mt5.tuples import SymbolInfo, Tick

SPECS_EVERY_S = 60.0
"""Twice before they are too old: one that could not be read may fail once more."""


@dataclass(frozen=True, slots=True)
class _Spec:
    info: SymbolInfo
    read_at_s: float


@dataclass(frozen=True, slots=True)
class _Quote:
    tick: Tick
    since_s: float


class Warm:
    """What has been read of symbols. Those asked for once are refreshed from then on."""

    def __init__(self, terminal: Terminal, clock: Clock, symbols: Iterable[str] = ()) -> None:
        self._terminal = terminal
        self._clock = clock
        self._symbols = dict.fromkeys(symbols)
        self._specs: dict[str, _Spec] = {}
        self._senseless: dict[str, str] = {}
        self._quotes: dict[str, _Quote] = {}
        self._specs_due_s = clock.monotonic_s()

    def refresh(self) -> None:
        """Read all quotes again, and the figures when it is time: each kind in one go."""
        symbols = tuple(self._symbols)
        if self._clock.monotonic_s() >= self._specs_due_s:
            self._specs_due_s = self._clock.monotonic_s() + SPECS_EVERY_S
            for symbol in symbols:
                self._terminal.symbol_select(symbol, True)
            self._ahead(*(("symbol_info", symbol) for symbol in symbols))
            for symbol in symbols:
                self._read_spec(symbol)
        self._ahead(*(("symbol_info_tick", symbol) for symbol in symbols))
        for symbol in symbols:
            self._read_tick(symbol)

    def forget(self, symbol: str) -> None:
        """The venue has refused what was made of the symbol's figures: they have changed."""
        self._specs.pop(symbol, None)

    def market(self, symbol: str) -> Market | Missing:
        """The symbol as it is: its figures, asked anew if they are too old, and a quote of now."""
        self._symbols.setdefault(symbol)
        spec = self._specs.get(symbol)
        if spec is None or self._age_s(spec.read_at_s) > SPEC_AGE_S_MAX:
            self._terminal.symbol_select(symbol, True)
            spec = self._read_spec(symbol)
        if spec is None:
            why = self._senseless.get(symbol) or self._terminal.last_error()
            return Missing(f"no figures of {symbol}: {why}")
        if self._read_tick(symbol) is None:
            return Missing(f"no quote of {symbol}: {self._terminal.last_error()}")
        return self._market(symbol, spec)

    def _market(self, symbol: str, spec: _Spec) -> Market:
        tick = self._quotes[symbol].tick
        newest = max(self._quotes.values(), key=lambda quote: quote.tick.time_msc)
        behind_s = (newest.tick.time_msc - tick.time_msc) / 1_000
        age_s = behind_s + self._age_s(newest.since_s)
        return Market(spec.info, self._age_s(spec.read_at_s), tick, age_s)

    def _read_spec(self, symbol: str) -> _Spec | None:
        """One that cannot be read leaves the one before, until that is too old."""
        info = self._terminal.symbol_info(symbol)
        self._senseless[symbol] = "" if info is None else senseless(info)
        if info is None or self._senseless[symbol]:
            return None
        self._specs[symbol] = _Spec(info, self._clock.monotonic_s())
        return self._specs[symbol]

    def _read_tick(self, symbol: str) -> Tick | None:
        """One that has not changed stands since it was first seen, also where it was away."""
        tick = self._terminal.symbol_info_tick(symbol)
        if tick is None:
            return None
        known = self._quotes.get(symbol)
        if known is None or known.tick.time_msc != tick.time_msc:
            self._quotes[symbol] = _Quote(tick, self._clock.monotonic_s())
        return tick

    def _age_s(self, since_s: float) -> float:
        return self._clock.monotonic_s() - since_s

    def _ahead(self, *calls: Called) -> None:
        if calls:
            self._terminal.ahead(*calls)
