"""Orders and deals as the package shows them."""

from infra.mt5.simulator.ledger import Order
from infra.mt5.tuples import TradeDeal, TradeOrder


def order_tuple(order: Order, price_current: float, done_ms: int = 0) -> TradeOrder:
    """An order, active or done."""
    return TradeOrder(
        ticket=order.ticket,
        time_setup=order.setup_ms // 1000,
        time_setup_msc=order.setup_ms,
        time_done=done_ms // 1000,
        time_done_msc=done_ms,
        time_expiration=order.expiration_s,
        type=order.type,
        type_time=order.time_type,
        type_filling=order.filling,
        state=order.state,
        magic=order.magic,
        position_id=order.position,
        position_by_id=order.position_by,
        reason=order.reason,
        volume_initial=order.volume,
        volume_current=order.left,
        price_open=order.price,
        sl=order.sl,
        tp=order.tp,
        price_current=price_current,
        price_stoplimit=order.stop_limit,
        symbol=order.symbol,
        comment=order.comment,
        external_id="",
    )


def deal_tuple(
    ticket: int,
    order: Order,
    side: int,
    at_ms: int,
    entry: int,
    volume: float,
    price: float,
    commission: float,
    swap: float,
    profit: float,
) -> TradeDeal:
    """A deal that an order led to."""
    return TradeDeal(
        ticket=ticket,
        order=order.ticket,
        time=at_ms // 1000,
        time_msc=at_ms,
        type=side,
        entry=entry,
        magic=order.magic,
        position_id=order.position,
        reason=order.reason,
        volume=volume,
        price=price,
        commission=commission,
        swap=swap,
        profit=profit,
        fee=0.0,
        symbol=order.symbol,
        comment=order.comment,
        external_id="",
    )
