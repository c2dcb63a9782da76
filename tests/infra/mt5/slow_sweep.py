"""The sweep as one would write it without thought of speed: every tick of every symbol, in turn."""

from __future__ import annotations

from collections.abc import Iterator
from operator import itemgetter

from infra.mt5 import constants as mt5
from infra.mt5.simulator.book import offer, swept, take
from infra.mt5.simulator.desk import finish_work
from infra.mt5.simulator.execution import closing_order, fill, finish
from infra.mt5.simulator.expiry import DAY_MS
from infra.mt5.simulator.ledger import Ledger, Order, Position
from infra.mt5.simulator.moment import Moment
from infra.mt5.simulator.money import affords, margin
from infra.mt5.simulator.rollover import roll_over
from infra.mt5.simulator.ticks import Market, Quote

Prices = dict[str, tuple[float, float]]
BUY = mt5.ORDER_TYPE_BUY


def slow_sweep(market: Market, ledger: Ledger, to_ms: int) -> None:
    """The same as `sweep`."""
    from_ms = ledger.now_ms
    if to_ms <= from_ms or not (ledger.positions or ledger.orders or ledger.works):
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
    """Expiries, the desk's work, midnights in `(from_ms, to_ms]`, before ticks of that moment."""
    for at_ms in sorted(_moments(ledger, from_ms, to_ms)):
        for order in [o for o in ledger.orders.values() if o.expires_ms == at_ms]:
            finish(ledger, order, mt5.ORDER_STATE_EXPIRED, at_ms, order.price)
        for work in [w for w in ledger.works.values() if w.manner.due_ms == at_ms]:
            finish_work(market, ledger, work, at_ms)
        if at_ms % DAY_MS == 0 and ledger.positions:
            roll_over(market, ledger, at_ms)


def _moments(ledger: Ledger, from_ms: int, to_ms: int) -> Iterator[int]:
    expiries = {order.expires_ms for order in ledger.orders.values()}
    expiries |= {work.manner.due_ms for work in ledger.works.values()}
    midnights = set(range((from_ms // DAY_MS + 1) * DAY_MS, to_ms + 1, DAY_MS))
    yield from (at for at in expiries | midnights if from_ms < at <= to_ms)


def _tick(market: Market, ledger: Ledger, name: str, at_ms: int, prices: Prices) -> None:
    bid, ask = prices[name]
    for position in [p for p in ledger.positions.values() if p.symbol == name]:
        price = bid if position.side == BUY else ask
        _stops(ledger, Moment(market, at_ms, prices), position, price)
    for order in [o for o in ledger.orders.values() if o.symbol == name]:
        _pending(market, ledger, order, at_ms, prices)
    while any(_moves(market, name, p) for p in ledger.positions.values()):
        if _equity(market, ledger, prices) > _stop_out_level(market, ledger):
            return
        _close_worst(market, ledger, at_ms, prices)


def _moves(market: Market, name: str, position: Position) -> bool:
    """Whether a symbol's tick changes what a position is worth in dollars."""
    pair = {market.symbols[name].base, market.symbols[name].profit}
    return position.symbol == name or pair == {market.symbols[position.symbol].profit, "USD"}


def _stops(ledger: Ledger, moment: Moment, position: Position, price: float) -> None:
    sign = 1 if position.side == BUY else -1
    for level, hit, reason, word in (
        (position.sl, sign * (price - position.sl) <= 0, mt5.ORDER_REASON_SL, "sl"),
        (position.tp, sign * (price - position.tp) >= 0, mt5.ORDER_REASON_TP, "tp"),
    ):
        if level and hit:
            symbol = moment.market.symbols[position.symbol]
            comment = f"[{word} {level:.{symbol.digits}f}]"
            order = closing_order(ledger, position, moment.at_ms, reason, comment)
            order.price = level
            if word == "sl":
                price = _swept(ledger, moment, order)
            fill(ledger, moment, order, price, position.volume)
            return


def _pending(market: Market, ledger: Ledger, order: Order, at_ms: int, prices: Prices) -> None:
    """Scripts place limits only; what is left of a market order deals at any price."""
    bid, ask = prices[order.symbol]
    buys, limited = order.type % 2 == 0, order.type > mt5.ORDER_TYPE_SELL
    price = ask if buys else bid
    if limited and (price > order.price if buys else price < order.price):
        return
    symbol, moment = market.symbols[order.symbol], Moment(market, at_ms, prices)
    lots, closes = order.left, _opposite(ledger, order) >= order.left
    if ledger.terms.hedges and order.position and order.position not in ledger.positions:
        finish(ledger, order, mt5.ORDER_STATE_CANCELED, at_ms, price)
    elif not closes and not affords(moment, ledger, symbol, order.type % 2, lots, price):
        order.comment = "[no money]"
        finish(ledger, order, mt5.ORDER_STATE_REJECTED, at_ms, price)
    else:
        _deal(ledger, moment, order, Quote(at_ms, bid, ask, 0), order.price if limited else 0.0)


def _deal(ledger: Ledger, moment: Moment, order: Order, quote: Quote, limit: float) -> None:
    market, at_ms = moment.market, moment.at_ms
    symbol, side = market.symbols[order.symbol], order.type % 2
    lots, price = offer(market, ledger, symbol, side, quote, order.left, limit)
    if order.filling == mt5.ORDER_FILLING_FOK and lots < order.left:
        order.comment = "[no volume]"
        finish(ledger, order, mt5.ORDER_STATE_REJECTED, at_ms, price)
        return
    if lots:
        fill(ledger, moment, order, price, lots)
        take(ledger, symbol, side, quote, lots)
    if order.left and order.filling == mt5.ORDER_FILLING_RETURN:
        dealt = order.left < order.volume
        order.state = mt5.ORDER_STATE_PARTIAL if dealt else mt5.ORDER_STATE_PLACED
    elif order.left:
        dealt = order.left < order.volume
        state = mt5.ORDER_STATE_PARTIAL if dealt else mt5.ORDER_STATE_CANCELED
        finish(ledger, order, state, at_ms, price)


def _opposite(ledger: Ledger, order: Order) -> float:
    """What an order closes: the position that it names, or what a netting account holds."""
    if ledger.terms.margin_mode == mt5.ACCOUNT_MARGIN_MODE_RETAIL_HEDGING:
        named = ledger.positions.get(order.position)
        return named.volume if named is not None and named.side != order.type % 2 else 0.0
    against = (p for p in ledger.positions.values() if p.side != order.type % 2)
    return sum(p.volume for p in against if p.symbol == order.symbol)


def _equity(market: Market, ledger: Ledger, prices: Prices) -> float:
    gained = (_floating(market, position, prices) for position in ledger.positions.values())
    return ledger.balance + sum(gained) + sum(p.swap for p in ledger.positions.values())


def _floating(market: Market, position: Position, prices: Prices) -> float:
    symbol = market.symbols[position.symbol]
    bid, ask = prices[position.symbol]
    price, sign = (bid, 1) if position.side == BUY else (ask, -1)
    moved = sign * (price - position.price_open) * position.volume * symbol.contract_size
    return moved * _to_dollars(market, prices, symbol.profit, position)


def _to_dollars(market: Market, prices: Prices, currency: str, position: Position) -> float:
    """By one symbol; sells convert at asks."""
    if currency == "USD":
        return 1.0
    for name, (bid, ask) in prices.items():
        symbol, price = market.symbols[name], bid if position.side == BUY else ask
        if (symbol.base, symbol.profit) == (currency, "USD"):
            return price
        if (symbol.base, symbol.profit) == ("USD", currency):
            return 1 / price
    raise AssertionError(f"nothing converts {currency}")


def _stop_out_level(market: Market, ledger: Ledger) -> float:
    terms, needed = ledger.terms, margin(market.symbols, ledger, ())
    money = terms.stop_out_mode == mt5.ACCOUNT_STOPOUT_MODE_MONEY
    return terms.stop_out if money else needed * terms.stop_out / 100


def _close_worst(market: Market, ledger: Ledger, at_ms: int, prices: Prices) -> None:
    def loss(position: Position) -> float:
        return round(_floating(market, position, prices), 2) + position.swap

    worst = min(ledger.positions.values(), key=loss)
    equity, needed = _equity(market, ledger, prices), margin(market.symbols, ledger, ())
    comment = f"[so {equity / needed * 100:.2f}%/{equity:.2f}/{needed:.2f}]"[:29]
    order = closing_order(ledger, worst, at_ms, mt5.ORDER_REASON_SO, comment)
    moment = Moment(market, at_ms, prices)
    fill(ledger, moment, order, _swept(ledger, moment, order), worst.volume)


def _swept(ledger: Ledger, moment: Moment, order: Order) -> float:
    """What the book gives for the whole of an order that must be dealt."""
    quote = Quote(moment.at_ms, *moment.prices(order.symbol), 0)
    symbol = moment.market.symbols[order.symbol]
    return swept(moment.market, ledger, symbol, order.type % 2, quote, order.left)
