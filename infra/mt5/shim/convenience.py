"""`Buy`, `Sell` and `Close` of the package, with their faults: programs that use them run.

They try up to ten times without a look at what became of the last try, set no magic number, and
take 10 points of deviation. Nothing of ours uses them.
"""

from __future__ import annotations

from typing import Any, Literal

from infra.mt5 import constants as mt5
from infra.mt5.terminal import Terminal
from infra.mt5.tuples import OrderSendResult, TradePosition

TRIES = 10
DEVIATION_POINTS = 10
_AGAIN = (mt5.TRADE_RETCODE_REQUOTE, mt5.TRADE_RETCODE_PRICE_OFF)


class Convenience:
    """The three functions, over a terminal."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    def Buy(
        self,
        symbol: str,
        volume: float,
        price: float | None = None,
        *,
        comment: str | None = None,
        ticket: int | None = None,
    ) -> OrderSendResult | None:
        """A market order to buy; with `ticket`, one that closes that position."""
        return self._dealt(mt5.ORDER_TYPE_BUY, symbol, volume, price, comment, ticket)

    def Sell(
        self,
        symbol: str,
        volume: float,
        price: float | None = None,
        *,
        comment: str | None = None,
        ticket: int | None = None,
    ) -> OrderSendResult | None:
        """A market order to sell; with `ticket`, one that closes that position."""
        return self._dealt(mt5.ORDER_TYPE_SELL, symbol, volume, price, comment, ticket)

    def Close(
        self, symbol: str, *, comment: str | None = None, ticket: int | None = None
    ) -> bool | Literal["Partially"] | None:
        """Close a symbol's positions, or the one of `ticket`; some of them is `"Partially"`."""
        wanted = {"symbol": symbol} if ticket is None else {"ticket": ticket}
        positions = self._terminal.positions_get(**wanted)
        if positions is None:
            return None
        results = [self._closed(position, symbol, comment) for position in positions]
        if any(result is None for result in results):
            return None
        done = [r for r in results if r and r.retcode == mt5.TRADE_RETCODE_DONE]
        if done and len(done) < len(results):
            return "Partially"
        return bool(done)

    def _closed(
        self, position: TradePosition, symbol: str, comment: str | None
    ) -> OrderSendResult | None:
        side = 1 - position.type
        return self._dealt(side, symbol, position.volume, None, comment, position.ticket)

    def _dealt(
        self,
        side: int,
        symbol: str,
        volume: float,
        price: float | None,
        comment: str | None,
        ticket: int | None,
    ) -> OrderSendResult | None:
        """At the price given, else at the market's, which is asked for anew when it has gone."""
        request: dict[str, Any] = {
            "action": mt5.TRADE_ACTION_DEAL,
            "symbol": symbol,
            "volume": volume,
            "type": side,
            "deviation": DEVIATION_POINTS,
        }
        if comment is not None:
            request["comment"] = comment
        if ticket is not None:
            request["position"] = ticket
        if price is not None:
            return self._terminal.order_send({**request, "price": price})
        result = None
        for _ in range(TRIES):
            tick = self._terminal.symbol_info_tick(symbol)
            if tick is None:
                return None
            at = tick.ask if side == mt5.ORDER_TYPE_BUY else tick.bid
            result = self._terminal.order_send({**request, "price": at})
            if result is None or result.retcode not in _AGAIN:
                break
        return result
