"""From the venue's tuples to the commands that record them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from commands.accounts import RecordExternalDeal, ReportAccount, ReportHealth
from commands.orders import RecordFill, RecordPositionClosed
from events.orders import OrderAccepted
from events.values import Side, lots, money, price
from infra.mt5 import constants as mt5
from infra.mt5.gateway.health import Health, Rung
from infra.mt5.tuples import AccountInfo, TradeDeal, TradePosition

REASONS = {
    mt5.DEAL_REASON_CLIENT: "person",
    mt5.DEAL_REASON_MOBILE: "person",
    mt5.DEAL_REASON_WEB: "person",
    mt5.DEAL_REASON_EXPERT: "program",
    mt5.DEAL_REASON_SL: "stop_loss",
    mt5.DEAL_REASON_TP: "take_profit",
    mt5.DEAL_REASON_SO: "stop_out",
}


def fills_of(order: OrderAccepted, deals: Sequence[TradeDeal]) -> tuple[RecordFill, ...]:
    """One command per deal. What all of them leave of the volume ordered is left for good."""
    left = order.volume_lots - sum((lots(deal.volume) for deal in deals), Decimal(0))
    return tuple(
        RecordFill(
            order_id=order.order_id,
            volume_lots=lots(deal.volume),
            volume_left_lots=lots(max(left, Decimal(0))),
            price=price(deal.price),
            commission=money(deal.commission) + money(deal.fee),
            profit=money(deal.profit) + money(deal.swap),
            deal_ticket=deal.ticket,
            position_id=deal.position_id,
            dealt_at_us=deal.time_msc * 1_000,
        )
        for deal in deals
    )


def closed_of(order: OrderAccepted, deal: TradeDeal) -> RecordPositionClosed:
    """The end, or a part of it, of the position that the order had opened."""
    return RecordPositionClosed(
        order_id=order.order_id,
        position_id=deal.position_id,
        deal_ticket=deal.ticket,
        side=Side.BUY if deal.type == mt5.DEAL_TYPE_BUY else Side.SELL,
        volume_lots=lots(deal.volume),
        price=price(deal.price),
        commission=money(deal.commission) + money(deal.fee),
        swap=money(deal.swap),
        profit=money(deal.profit),
        reason=REASONS.get(deal.reason, f"reason {deal.reason}"),
        dealt_at_us=deal.time_msc * 1_000,
    )


def external_of(account: str, deal: TradeDeal) -> RecordExternalDeal:
    """A deal that is not ours. Its profit is all that it did to the balance."""
    moved = sum((money(x) for x in (deal.profit, deal.swap, deal.commission, deal.fee)), money("0"))
    return RecordExternalDeal(
        account=account,
        deal_ticket=deal.ticket,
        position_id=deal.position_id,
        symbol=deal.symbol,
        volume_lots=lots(deal.volume),
        profit=moved,
        magic=_signed(deal.magic),
        dealt_at_us=deal.time_msc * 1_000,
    )


def report_of(
    account: str, info: AccountInfo, positions: Sequence[TradePosition], now_us: int
) -> ReportAccount:
    """The account's figures as the venue states them."""
    return ReportAccount(
        account=account,
        balance=money(info.balance),
        equity=money(info.equity),
        margin=money(info.margin),
        open_lots=sum((lots(position.volume) for position in positions), lots("0")),
        open_positions=len(positions),
        reported_at_us=now_us,
    )


def _signed(magic: int) -> int:
    """A foreign magic can use all 64 bits, and Avro's long is signed."""
    return magic - (1 << 64) if magic >= 1 << 63 else magic


def health_of(account: str, health: Health) -> ReportHealth:
    """What holds of a terminal, part by part: everything up to its rung."""
    return ReportHealth(
        account=account,
        connected=health.rung >= Rung.LINKED,
        broker_connected=health.rung >= Rung.CONNECTED,
        authorised=health.rung >= Rung.AUTHORISED,
        synchronised=health.rung >= Rung.SYNCHRONISED,
        trading_allowed=health.rung >= Rung.TRADING,
        detail=health.detail,
    )
