"""Accounts with one position per symbol: a deal adds to it, takes from it, or turns it around."""

from infra.mt5.constants import DEAL_ENTRY_INOUT
from infra.mt5.simulator.execution import Fill, dealt, fill_close, fill_open, made_deal
from infra.mt5.simulator.ledger import Ledger, Order, Position
from infra.mt5.simulator.money import lot_margin, profit
from infra.mt5.simulator.symbols import Specification


def enter(
    ledger: Ledger,
    symbol: Specification,
    order: Order,
    price: float,
    at_ms: int,
    lots: float = 0.0,
) -> Fill:
    """An order, or so many lots of it, goes into the book as the kind of account has it."""
    held = ledger.of_symbol(order.symbol) if ledger.terms.nets else None
    if held is None:
        return fill_open(ledger, symbol, order, price, at_ms, lots)
    lots = lots or order.left
    if held.side == order.type % 2:
        order.position = held.ticket
        held.sl, held.tp = order.sl or held.sl, order.tp or held.tp
        return fill_open(ledger, symbol, order, price, at_ms, lots)
    if lots <= held.volume:
        return fill_close(ledger, symbol, order, held, price, at_ms, lots=lots)
    return _turn(ledger, symbol, order, held, price, at_ms, lots)


def _turn(
    ledger: Ledger,
    symbol: Specification,
    order: Order,
    held: Position,
    price: float,
    at_ms: int,
    lots: float,
) -> Fill:
    """One deal closes the position and opens it the other way with the rest."""
    currency = ledger.terms.currency
    gained = profit(symbol, currency, held.side, held.volume, held.price_open, price)
    order.position = held.ticket
    side = order.type % 2
    deal = made_deal(
        ledger, order, side, DEAL_ENTRY_INOUT, lots, price, at_ms, gained, round(held.swap, 2)
    )
    held.side, held.volume = side, round(lots - held.volume, 8)
    held.price_open, held.swap = price, 0.0
    held.sl, held.tp = order.sl, order.tp
    held.lot_margin = lot_margin(symbol, ledger.terms, price)
    held.magic, held.comment, held.updated_ms = order.magic, order.comment, at_ms
    return dealt(ledger, order, deal)
