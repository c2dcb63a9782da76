"""Symbols' figures and quotes, kept warm, each with its age: an order waits for neither.

How old a quote is nobody tells in a clock of ours: its time is the venue's, and how far that is
ahead of ours changes with the seasons. So the clocks are compared by the quotes themselves: the
farthest that one was ahead of us when it came is how far the venue is. Until one has been seen to
come, nothing tells a quote of now from one of last week, and no order takes risk by it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf

from infra.mt5.gateway.clock import Clock
from infra.mt5.gateway.room import Missing
from infra.mt5.gateway.verdict import SPEC_AGE_S_MAX, Market
from infra.mt5.link import Called
from infra.mt5.requests import senseless
from infra.mt5.terminal import Terminal
from infra.mt5.tuples import SymbolInfo, Tick

SPECS_EVERY_S = 60.0
"""Twice before they are too old: one that could not be read may fail once more."""
LEAD_FOR_S = 600.0
"""For once or twice as long a clock that was put back makes quotes look old."""
MOVES_WITHIN_S, LOOK_AGAIN_S = 5.0, 0.05
"""How long after the first look one waits to see a quote come, and how often one looks."""


@dataclass(frozen=True, slots=True)
class _Spec:
    info: SymbolInfo
    read_at_s: float


class _Lead:
    """How far the venue's clock is ahead of ours, as far as the quotes of a while have said."""

    def __init__(self) -> None:
        self.moves = False
        """Whether a quote has been seen to come."""
        self._began_s = -inf
        self._before_s = self._most_s = -inf

    def told(self, tick: Tick, now_s: float) -> None:
        """This quote is there now, and was not before."""
        lead_s = tick.time_msc / 1_000 - now_s
        if now_s - self._began_s > LEAD_FOR_S:
            self._began_s, self._before_s, self._most_s = now_s, self._most_s, lead_s
        self._most_s = max(self._most_s, lead_s)

    def age_s(self, tick: Tick, now_s: float) -> float:
        """How old a quote is now, at least; without end while none has been seen to come."""
        if not self.moves:
            return inf
        return max(self._before_s, self._most_s) + now_s - tick.time_msc / 1_000


class Warm:
    """What has been read of symbols. Those asked for once are refreshed from then on."""

    def __init__(self, terminal: Terminal, clock: Clock, symbols: Iterable[str] = ()) -> None:
        self._terminal = terminal
        self._clock = clock
        self._symbols = dict.fromkeys(symbols)
        self._specs: dict[str, _Spec] = {}
        self._senseless: dict[str, str] = {}
        self._ticks: dict[str, Tick] = {}
        self._lead = _Lead()
        self._waits_until_s = -inf
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
        self._read_ticks()

    def forget(self, symbol: str) -> None:
        """The venue has refused what was made of the symbol's figures: they have changed."""
        self._specs.pop(symbol, None)

    @property
    def watching(self) -> bool:
        """Whether no quote has been seen to come, and it is too early to say that none does.

        An order would be refused now, and a moment later not.
        """
        return not self._lead.moves and self._clock.monotonic_s() < self._waits_until_s

    def watch(self) -> None:
        """Look whether a quote has come, if that matters."""
        if self.watching:
            self._read_ticks()

    def see_one_come(self) -> None:
        """Right after the first look, wait a little for any symbol's quote to move."""
        if not self._ticks:
            self._read_ticks()
        while self.watching:
            self._clock.sleep(LOOK_AGAIN_S)
            self._read_ticks()

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
        tick = self._ticks[symbol]
        age_s = self._lead.age_s(tick, self._clock.monotonic_s())
        return Market(spec.info, self._age_s(spec.read_at_s), tick, age_s)

    def _read_spec(self, symbol: str) -> _Spec | None:
        """One that cannot be read leaves the one before, until that is too old."""
        info = self._terminal.symbol_info(symbol)
        self._senseless[symbol] = "" if info is None else senseless(info)
        if info is None or self._senseless[symbol]:
            return None
        self._specs[symbol] = _Spec(info, self._clock.monotonic_s())
        return self._specs[symbol]

    def _read_ticks(self) -> None:
        self._ahead(*(("symbol_info_tick", symbol) for symbol in self._symbols))
        for symbol in tuple(self._symbols):
            self._read_tick(symbol)

    def _read_tick(self, symbol: str) -> Tick | None:
        """One that has not changed is no news, also where it was away."""
        tick = self._terminal.symbol_info_tick(symbol)
        if tick is None:
            return None
        known = self._ticks.get(symbol)
        if known is None or known.time_msc != tick.time_msc:
            now_s = self._clock.monotonic_s()
            if not self._ticks:
                self._waits_until_s = now_s + MOVES_WITHIN_S
            self._lead.told(tick, now_s)
            self._lead.moves |= known is not None
        self._ticks[symbol] = tick
        return tick

    def _age_s(self, since_s: float) -> float:
        return self._clock.monotonic_s() - since_s

    def _ahead(self, *calls: Called) -> None:
        if calls:
            self._terminal.ahead(*calls)
