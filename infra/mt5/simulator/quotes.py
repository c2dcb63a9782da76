"""Symbols, ticks and bars as the package shows them: everything that is equal for all accounts."""

from collections.abc import Set

import numpy as np
import numpy.typing as npt

from infra.mt5 import constants as mt5
from infra.mt5.link import CallError
from infra.mt5.simulator.bars import SECONDS, Bars
from infra.mt5.simulator.book import levels
from infra.mt5.simulator.day import Days
from infra.mt5.simulator.mishaps import reported
from infra.mt5.simulator.moment import Moment, NoPriceError
from infra.mt5.simulator.specification import Specification
from infra.mt5.simulator.symbol_view import symbol_info
from infra.mt5.simulator.ticks import EMPTY, HOUR_MS, Market, Ticks, joined
from infra.mt5.tuples import TICK_DTYPE, BookInfo, SymbolInfo, Tick

Rows = npt.NDArray[np.void]
ROWS_MAX = 1_000_000
_QUIET_HOURS_MAX = 100  # a search for more ticks gives up after a weekend of none


class Quotes:
    """The read side of a market. Every method is told the time; nothing later is shown."""

    def __init__(self, market: Market, currency: str) -> None:
        self._market = market
        self._currency = currency
        self._bars = Bars(market)
        self._days = Days(market)

    def symbols(self, now_ms: int, hidden: Set[str]) -> tuple[SymbolInfo, ...]:
        """All symbols."""
        return tuple(self.symbol(name, now_ms, hidden) for name in self._market.symbols)

    def symbol(self, name: str, now_ms: int, hidden: Set[str]) -> SymbolInfo:
        """One symbol."""
        self._known(name)
        quote = self._market.quote(name, now_ms)
        day = self._days.so_far(name, now_ms)
        specification = self._market.symbols[name]
        values = self._tick_values(specification, now_ms) if quote else (0.0, 0.0)
        return symbol_info(specification, quote, day, values, name not in hidden)

    def _tick_values(self, symbol: Specification, now_ms: int) -> tuple[float, float]:
        """What a tick is worth to a lot, in the account's currency, to a buyer and to a seller."""
        moment, tick = Moment(self._market, now_ms), symbol.grid * symbol.lot_value
        try:
            buyer, seller = (moment.rate(symbol.profit, self._currency, side) for side in (0, 1))
        except NoPriceError:
            return (0.0, 0.0)
        return tick * buyer, tick * seller

    def tick(self, name: str, now_ms: int) -> Tick:
        """The last quote."""
        self._known(name)
        quote = self._market.quote(name, now_ms)
        if quote is None:
            raise CallError(mt5.RES_E_NOT_FOUND, "Terminal: Not found")
        time_s = quote.time_ms // 1000
        return Tick(time_s, quote.bid, quote.ask, 0.0, 0, quote.time_ms, quote.flags, 0.0)

    def book(self, name: str, now_ms: int) -> tuple[BookInfo, ...]:
        """The depth of the market, from the dearest offer down; empty where none is shown."""
        self._known(name)
        symbol, quote = self._market.symbols[name], self._market.quote(name, now_ms)
        if quote is None:
            return ()
        asks = levels(self._market, symbol, mt5.ORDER_TYPE_BUY, quote)
        bids = levels(self._market, symbol, mt5.ORDER_TYPE_SELL, quote)
        sells = [(mt5.BOOK_TYPE_SELL, *level) for level in reversed(asks)]
        return tuple(
            BookInfo(kind, price, int(lots), lots)
            for kind, price, lots in (*sells, *((mt5.BOOK_TYPE_BUY, *level) for level in bids))
        )

    def ticks_from(self, now_ms: int, name: str, from_s: int, count: int, flags: int) -> Rows:
        """At most `count` ticks from a second on."""
        self._known(name)
        wanted = min(count, ROWS_MAX)
        if not _of_quotes(flags):
            return _ticks(EMPTY)
        parts: list[Ticks] = []
        found, quiet, at_ms = 0, 0, from_s * 1000
        while found < wanted and at_ms <= now_ms and quiet < _QUIET_HOURS_MAX:
            end_ms = (at_ms // HOUR_MS + 1) * HOUR_MS
            part = self._market.ticks(name, at_ms, min(end_ms, now_ms + 1))
            parts.append(part)
            found += len(part)
            quiet = 0 if len(part) else quiet + 1
            at_ms = end_ms
        return self._reported(name, _ticks(joined(parts).part(0, wanted)))[:wanted]

    def ticks_range(self, now_ms: int, name: str, from_s: int, to_s: int, flags: int) -> Rows:
        """The ticks of a range, both ends included; the newest if they are too many."""
        self._known(name)
        if not _of_quotes(flags):
            return _ticks(EMPTY)
        end_ms = min(to_s * 1000, now_ms) + 1
        span_ms = int(ROWS_MAX / self._market.settings.ticks_per_s * 1000)
        found = self._market.ticks(name, max(from_s * 1000, end_ms - span_ms), end_ms)
        newest = found.part(max(0, len(found) - ROWS_MAX), len(found))
        return self._reported(name, _ticks(newest))

    def _reported(self, name: str, rows: Rows) -> Rows:
        """The rows as a terminal gives them, with what has gone wrong in them."""
        if not len(rows):
            return rows
        span = (int(rows["time_msc"][0]), int(rows["time_msc"][-1]))
        return reported(self._market.faults(name, *span), name, rows)

    def rates_from(self, now_ms: int, name: str, timeframe: int, until_s: int, count: int) -> Rows:
        """The last bars that opened at or before a second."""
        self._timeframe(name, timeframe)
        return self._bars.last(name, timeframe, until_s, count, now_ms)

    def rates_from_pos(
        self, now_ms: int, name: str, timeframe: int, skipped: int, count: int
    ) -> Rows:
        """Bars counted back from the open one."""
        self._timeframe(name, timeframe)
        now_s = now_ms // 1000
        bars = self._bars.last(name, timeframe, now_s, skipped + count, now_ms)
        return bars[: max(0, len(bars) - skipped)][-count:] if count else bars[:0]

    def rates_range(self, now_ms: int, name: str, timeframe: int, from_s: int, to_s: int) -> Rows:
        """The bars that opened in a range."""
        self._timeframe(name, timeframe)
        return self._bars.opened_between(name, timeframe, from_s, to_s, now_ms)

    def _known(self, name: str) -> None:
        if name not in self._market.symbols:
            raise CallError(mt5.RES_E_NOT_FOUND, "Terminal: Not found")

    def _timeframe(self, name: str, timeframe: int) -> None:
        self._known(name)
        if timeframe not in SECONDS:
            raise CallError(mt5.RES_E_INVALID_PARAMS, "Terminal: Invalid params")


def _of_quotes(flags: int) -> bool:
    """These symbols have no last price, so nothing is a trade."""
    return flags in (mt5.COPY_TICKS_ALL, mt5.COPY_TICKS_INFO)


def _ticks(ticks: Ticks) -> Rows:
    rows = np.zeros(len(ticks), TICK_DTYPE)
    rows["time"] = ticks.time_ms // 1000
    rows["time_msc"] = ticks.time_ms
    rows["bid"] = ticks.bid
    rows["ask"] = ticks.ask
    rows["flags"] = ticks.flags
    return rows
