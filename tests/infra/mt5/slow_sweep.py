"""The sweep as one would write it without thought of speed: every tick of every symbol, in turn."""

from __future__ import annotations

from collections.abc import Iterator
from operator import itemgetter

from infra.mt5 import constants as mt5
from infra.mt5.simulator.depth import swept
from infra.mt5.simulator.execution import closing_order, fill_close, finish
from infra.mt5.simulator.expiry import DAY_MS
from infra.mt5.simulator.ledger import Ledger, Order, Position
from infra.mt5.simulator.market_orders import due
from infra.mt5.simulator.money import affords, margin, stop_out_level, would_open
from infra.mt5.simulator.netting import enter
from infra.mt5.simulator.rollover import roll_over
from infra.mt5.simulator.ticks import Market, Quote

Prices = dict[str, tuple[float, float]]
BUY = mt5.ORDER_TYPE_BUY


def slow_sweep(market: Market, ledger: Ledger, to_ms: int) -> None:
    """The same as `sweep`."""
    from_ms = ledger.now_ms
    if to_ms <= from_ms or not (ledger.positions or ledger.orders):
        ledger.now_ms = max(from_ms, to_ms)
        return
    prices: Prices = {}
    for name in market.symbols:
        quote = market.quote(name, from_ms)
        assert quote is not None
        prices[name] = (quote.bid, quote.ask)
    timed_ms = from_ms
    for time_ms, _rank, name, bid, ask in _ticks(market, from_ms, to_ms):
        _let_time_pass(market, ledger, timed_ms, time_ms)
        timed_ms = time_ms
        prices[name] = (bid, ask)
        _tick(market, ledger, name, time_ms, prices)
    _let_time_pass(market, ledger, timed_ms, to_ms)
    ledger.now_ms = to_ms


def _ticks(market: Market, from_ms: int, to_ms: int) -> list[tuple[int, int, str, float, float]]:
    found = []
    for rank, name in enumerate(market.symbols):
        ticks = market.ticks(name, from_ms + 1, to_ms + 1)
        columns = (ticks.time_ms.tolist(), ticks.bid.tolist(), ticks.ask.tolist())
        found += [(at, rank, name, bid, ask) for at, bid, ask in zip(*columns, strict=True)]
    return sorted(found, key=itemgetter(0, 1))


def _let_time_pass(market: Market, ledger: Ledger, from_ms: int, to_ms: int) -> None:
    """What is timed in `(from_ms, to_ms]`, before the ticks of the same millisecond."""
    done_ms = from_ms
    while (at_ms := min(_moments(ledger, done_ms, to_ms), default=None)) is not None:
        done_ms = at_ms
        for order in [o for o in ledger.orders.values() if o.expires_ms == at_ms]:
            finish(ledger, order, mt5.ORDER_STATE_EXPIRED, at_ms, order.price)
        due(market, ledger, at_ms)
        if at_ms % DAY_MS == 0 and ledger.positions:
            roll_over(market, ledger, at_ms)


def _moments(ledger: Ledger, from_ms: int, to_ms: int) -> Iterator[int]:
    expiries = {order.expires_ms for order in ledger.orders.values()}
    expiries |= {order.deals_ms for order in ledger.orders.values()}
    midnights = set(range((from_ms // DAY_MS + 1) * DAY_MS, to_ms + 1, DAY_MS))
    yield from (at for at in expiries | midnights if from_ms < at <= to_ms)


def _tick(market: Market, ledger: Ledger, name: str, at_ms: int, prices: Prices) -> None:
    bid, ask = prices[name]
    for position in [p for p in ledger.positions.values() if p.symbol == name]:
        _stops(market, ledger, position, Quote(at_ms, bid, ask, 0))
    for order in [o for o in ledger.orders.values() if o.symbol == name and not o.deals_ms]:
        _pending(market, ledger, order, at_ms, prices)
    while any(p.symbol == name for p in ledger.positions.values()):
        if _equity(market, ledger, prices) > _stop_out_level(ledger):
            return
        _close_worst(market, ledger, at_ms, prices)


def _stops(market: Market, ledger: Ledger, position: Position, quote: Quote) -> None:
    sign, price = (1, quote.bid) if position.side == BUY else (-1, quote.ask)
    at_ms = quote.time_ms
    for level, hit, reason, word in (
        (position.sl, sign * (price - position.sl) <= 0, mt5.ORDER_REASON_SL, "sl"),
        (position.tp, sign * (price - position.tp) >= 0, mt5.ORDER_REASON_TP, "tp"),
    ):
        if level and hit:
            symbol = market.symbols[position.symbol]
            comment = f"[{word} {level:.{symbol.digits}f}]"
            order = closing_order(ledger, position, at_ms, reason, comment)
            order.price = level
            if reason == mt5.ORDER_REASON_SL:
                price = swept(market.settings.seed, symbol, quote, order.type, order.volume)
            fill_close(ledger, symbol, order, position, price, at_ms)
            return


def _pending(market: Market, ledger: Ledger, order: Order, at_ms: int, prices: Prices) -> None:
    bid, ask = prices[order.symbol]
    price = ask if order.type % 2 == BUY else bid
    falls = order.type in (
        mt5.ORDER_TYPE_BUY_LIMIT,
        mt5.ORDER_TYPE_SELL_STOP,
        mt5.ORDER_TYPE_SELL_STOP_LIMIT,
    )
    if price > order.price if falls else price < order.price:
        return
    if order.type >= mt5.ORDER_TYPE_BUY_STOP_LIMIT:
        order.type -= mt5.ORDER_TYPE_BUY_STOP_LIMIT - mt5.ORDER_TYPE_BUY_LIMIT
        order.price, order.stop_limit, order.changed_ms = order.stop_limit, 0.0, at_ms
        return
    symbol = market.symbols[order.symbol]
    if order.type in (mt5.ORDER_TYPE_BUY_STOP, mt5.ORDER_TYPE_SELL_STOP):
        quote = Quote(at_ms, bid, ask, 0)
        price = swept(market.settings.seed, symbol, quote, order.type % 2, order.volume)
    opened = would_open(symbol, ledger, order.type % 2, order.volume, price)
    if affords(market.symbols, ledger, prices.__getitem__, opened):
        enter(ledger, symbol, order, price, at_ms)
    else:
        order.comment = "[no money]"
        finish(ledger, order, mt5.ORDER_STATE_REJECTED, at_ms, price)


def _equity(market: Market, ledger: Ledger, prices: Prices) -> float:
    gained = (_floating(market, position, prices) for position in ledger.positions.values())
    return ledger.balance + sum(gained) + sum(p.swap for p in ledger.positions.values())


def _floating(market: Market, position: Position, prices: Prices) -> float:
    symbol = market.symbols[position.symbol]
    bid, ask = prices[position.symbol]
    price, sign = (bid, 1) if position.side == BUY else (ask, -1)
    moved = sign * (price - position.price_open) * position.volume * symbol.lot_value
    return moved if symbol.profit == "USD" else moved / price


def _stop_out_level(ledger: Ledger) -> float:
    return stop_out_level(ledger.terms, margin(ledger))


def _close_worst(market: Market, ledger: Ledger, at_ms: int, prices: Prices) -> None:
    def loss(position: Position) -> float:
        return round(_floating(market, position, prices), 2) + position.swap

    worst = min(ledger.positions.values(), key=loss)
    equity, needed = _equity(market, ledger, prices), margin(ledger)
    comment = f"[so {equity / needed * 100:.2f}%/{equity:.2f}/{needed:.2f}]"[:29]
    order = closing_order(ledger, worst, at_ms, mt5.ORDER_REASON_SO, comment)
    bid, ask = prices[worst.symbol]
    symbol = market.symbols[worst.symbol]
    quote = Quote(at_ms, bid, ask, 0)
    price = swept(market.settings.seed, symbol, quote, order.type, worst.volume)
    fill_close(ledger, symbol, order, worst, price, at_ms)
