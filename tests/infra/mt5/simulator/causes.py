"""How to provoke each return code: a floor, and what is done on it. `docs/mt5/retcodes.md` says
the same in words."""

from __future__ import annotations

from collections.abc import Callable

from infra.mt5 import constants as mt5
from infra.mt5.simulator.account import Act
from infra.mt5.simulator.faults import FaultRule
from infra.mt5.simulator.specification import Bridge, Depth, Hours
from infra.mt5.simulator.symbols import SYMBOLS
from infra.mt5.tuples import TradeRequest
from tests.infra.mt5.scripts import NOTHING
from tests.infra.mt5.simulator.hand import (
    BUY,
    SELL,
    Floor,
    Tape,
    euro,
    floor,
    like,
    order,
    waiting,
)
from tests.infra.mt5.worlds import START_MS

BRIDGE_REFUSAL = 20_007
BUY_LIMIT = mt5.ORDER_TYPE_BUY_LIMIT
THIN = euro(execution=mt5.SYMBOL_TRADE_EXECUTION_MARKET, depth=Depth(levels=2, lots=1.0))
Cause = Callable[[], int]


def stops(position: int, sl: float) -> TradeRequest:
    """Move a position's stop loss."""
    return NOTHING._replace(action=mt5.TRADE_ACTION_SLTP, symbol="EURUSD", position=position, sl=sl)


def change(ticket: int, price: float) -> TradeRequest:
    """Move a pending order."""
    return NOTHING._replace(action=mt5.TRADE_ACTION_MODIFY, order=ticket, price=price)


def remove(ticket: int) -> TradeRequest:
    """Take an order out."""
    return NOTHING._replace(action=mt5.TRADE_ACTION_REMOVE, order=ticket)


def requote() -> int:
    made = floor({"EURUSD": [(10, 1.10006)]})
    made.clock.advance(10)
    return made.code(order(BUY, price=1.1001, deviation=5))


def cancel() -> int:
    """The trader takes the order back from another place while the desk is at it."""
    made = floor(desk_ms=1_000)
    ticket = made.account.ledger.next_order
    made.account.others(Act(START_MS + 500, remove(ticket)))
    code = made.code(order(BUY))
    done = made.account.ledger.done_order(ticket)
    assert done is not None
    assert done.state == mt5.ORDER_STATE_CANCELED
    return code


def no_rate() -> int:
    """The pound has not been quoted, so nobody knows what a profit in pounds is worth."""
    symbols = (*SYMBOLS, like("EURUSD", name="EURGBP", profit="GBP"))
    made = floor({"GBPUSD": [(10, 1.3)]}, symbols, {"EURUSD": [(0, 1.1)], "EURGBP": [(0, 0.85)]})
    request = order(BUY, symbol="EURGBP", price=0.8501)
    code = made.code(request)
    made.clock.advance(10)
    made.done(request)
    return code


def timeout() -> int:
    made = floor(desk_ms=3_000, answer_wait_ms=1_000)
    code = made.code(order(BUY))
    assert made.account.ledger.positions == {}
    made.clock.advance(2_000)
    assert made.terminal.positions_total() == 1
    return code


def market_closed() -> int:
    made = floor(symbols=euro(hours=(Hours(mt5.DAY_OF_WEEK_FRIDAY, 0, 1440),)))
    return made.code(order(BUY))


def price_changed() -> int:
    tape: Tape = {"EURUSD": [(10, 1.2)]}
    made = floor(tape, euro(execution=mt5.SYMBOL_TRADE_EXECUTION_REQUEST))
    made.clock.advance(5_000)
    return made.code(order(BUY, price=1.1001))


def price_off() -> int:
    made = floor(symbols=euro(quote_age_max_s=60))
    made.clock.advance(61_000)
    return made.code(order(BUY))


def order_changed() -> int:
    """The order is filled while the desk is about to move it."""
    made = floor({"EURUSD": [(5_000, 1.0899)]}, desk_ms=1_000)
    ticket = made.done(waiting(BUY_LIMIT, 1.09))
    made.clock.advance(3_500)
    return made.code(change(ticket, 1.08))


def reject_cancel() -> int:
    """The order is touched while the desk is about to move it, and there is no money for it."""
    made = floor({"EURUSD": [(5_000, 1.0899)]}, desk_ms=1_000, deposit=1_300.0)
    ticket = made.done(waiting(BUY_LIMIT, 1.09))
    made.done(order(BUY, volume=0.5))
    made.clock.advance(2_500)
    return made.code(change(ticket, 1.08))


def too_many_requests() -> int:
    made = floor(requests_per_s_max=3)
    codes = [made.code(order(BUY, volume=0.01)) for _ in range(4)]
    assert codes[:3] == [mt5.TRADE_RETCODE_DONE] * 3
    made.clock.advance(1_000)
    made.done(order(BUY, volume=0.01))
    return codes[3]


def no_changes() -> int:
    made = floor()
    return made.code(stops(made.done(order(BUY, sl=1.05)), 1.05))


def locked() -> int:
    """The desk is still at the first change when the second comes."""
    made = floor(desk_ms=2_000, answer_wait_ms=2_000)
    position = made.done(order(BUY))
    made.spoil(FaultRule(kind="late", delay_ms=1_000))
    assert made.code(stops(position, 1.05)) == mt5.TRADE_RETCODE_TIMEOUT
    return made.code(stops(position, 1.06))


def close_order_exists() -> int:
    made = floor(desk_ms=2_000, answer_wait_ms=2_000)
    position = made.done(order(BUY))
    made.spoil(FaultRule(kind="late", delay_ms=1_000))
    close = order(SELL, volume=0.6, position=position)
    assert made.code(close) == mt5.TRADE_RETCODE_TIMEOUT
    return made.code(close)


def frozen() -> int:
    made = floor(symbols=euro(freeze_level_points=300))
    return made.code(stops(made.done(order(BUY, sl=1.098)), 1.09))


def connection() -> int:
    made = floor()
    made.spoil(FaultRule(kind="disconnect", for_ms=5_000))
    code = made.code(order(BUY))
    info = made.terminal.terminal_info()
    assert info is not None
    assert not info.connected
    made.clock.advance(5_000)
    made.done(order(BUY))
    return code


def position_closed() -> int:
    made = floor({"EURUSD": [(10, 1.04)]})
    position = made.done(order(BUY, sl=1.05))
    made.clock.advance(10)
    return made.code(order(SELL, price=1.04, position=position))


def invalid_close_volume() -> int:
    made = floor()
    return made.code(order(SELL, volume=1.1, position=made.done(order(BUY))))


def limit_positions() -> int:
    made = floor(positions_max=1)
    made.done(order(BUY))
    return made.code(order(BUY))


def limit_orders() -> int:
    made = floor(orders_max=1)
    made.done(waiting(BUY_LIMIT, 1.05))
    return made.code(waiting(BUY_LIMIT, 1.05))


def limit_volume() -> int:
    made = floor(symbols=euro(volume_limit=1.5))
    made.done(order(BUY))
    return made.code(order(BUY))


def fifo_close() -> int:
    made = floor(fifo_close=True)
    made.done(order(BUY))
    return made.code(order(SELL, position=made.done(order(BUY))))


def hedge_prohibited() -> int:
    made = floor(hedging_prohibited=True)
    made.done(order(BUY))
    return made.code(order(SELL))


def of_mode(trade_mode: int, side: int) -> Cause:
    return lambda: floor(symbols=euro(trade_mode=trade_mode)).code(order(side))


def sends(request: TradeRequest, **terms: object) -> Cause:
    """A floor under these terms, and one request."""
    return lambda: floor(**terms).code(request)  # type: ignore[arg-type]


def symbol(request: TradeRequest, **changes: object) -> Cause:
    """A floor whose euro is under these terms, and one request."""
    return lambda: floor(symbols=euro(**changes)).code(request)


def on(made: Callable[[], Floor], request: TradeRequest) -> Cause:
    return lambda: made().code(request)


CAUSES: dict[int, Cause] = {
    10004: requote,
    10006: on(lambda: floor(symbols=THIN), order(BUY, volume=9.0)),
    10007: cancel,
    10008: sends(waiting(BUY_LIMIT, 1.05)),
    10009: sends(order(BUY)),
    10010: on(lambda: floor(symbols=THIN), order(BUY, volume=9.0, type_filling=1)),
    10011: no_rate,
    10012: timeout,
    10013: sends(order(BUY, action=77)),
    10014: sends(order(BUY, volume=0.015)),
    10015: sends(waiting(BUY_LIMIT, 1.15)),
    10016: sends(order(BUY, sl=1.09995)),
    10017: symbol(order(BUY), trade_mode=mt5.SYMBOL_TRADE_MODE_DISABLED),
    10018: market_closed,
    10019: sends(order(BUY, volume=90.0)),
    10020: price_changed,
    10021: price_off,
    10022: symbol(waiting(BUY_LIMIT, 1.05, type_time=mt5.ORDER_TIME_DAY), expiration_mask=1),
    10023: order_changed,
    10024: too_many_requests,
    10025: no_changes,
    10026: sends(order(BUY), experts_allowed=False),
    10027: sends(order(BUY), terminal_trade_allowed=False),
    10028: locked,
    10029: frozen,
    10030: symbol(order(BUY, type_filling=mt5.ORDER_FILLING_IOC), filling_mask=1),
    10031: connection,
    10032: symbol(order(BUY), real_only=True),
    10033: limit_orders,
    10034: limit_volume,
    10035: symbol(waiting(BUY_LIMIT, 1.05), order_mask=1),
    10036: position_closed,
    10038: invalid_close_volume,
    10039: close_order_exists,
    10040: limit_positions,
    10041: reject_cancel,
    10042: of_mode(mt5.SYMBOL_TRADE_MODE_LONGONLY, SELL),
    10043: of_mode(mt5.SYMBOL_TRADE_MODE_SHORTONLY, BUY),
    10044: of_mode(mt5.SYMBOL_TRADE_MODE_CLOSEONLY, BUY),
    10045: fifo_close,
    10046: hedge_prohibited,
    BRIDGE_REFUSAL: symbol(order(BUY), bridge=Bridge(lots_max=0.5, refusal=BRIDGE_REFUSAL)),
}
