"""What positions are worth: profit, margin, equity, all in account currency.

A symbol's profit currency or its base currency is the account's (checked by the settings), so a
profit converts at the closing price itself, as MetaTrader does for such symbols.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from infra.mt5.constants import SYMBOL_CALC_MODE_CFDINDEX
from infra.mt5.simulator.ledger import Ledger, Position, is_buy
from infra.mt5.simulator.settings import AccountSettings
from infra.mt5.simulator.symbols import FUTURES, LEVERAGED, Specification

Prices = Callable[[str], tuple[float, float]]  # bid and ask of a symbol
HEDGED_SHARE = 0.5  # of the contract: what a covered lot needs, against one uncovered


@dataclass(frozen=True, slots=True)
class Worth:
    """An account's figures at a moment."""

    profit: float
    equity: float
    margin: float

    @property
    def free(self) -> float:
        return round(self.equity - self.margin, 2)

    @property
    def level_percent(self) -> float:
        return self.equity / self.margin * 100 if self.margin else 0.0


def rate(symbol: Specification, currency: str, price: float) -> float:
    """Account currency per unit of the profit currency."""
    return 1.0 if symbol.profit == currency else 1.0 / price


def base_rate(symbol: Specification, currency: str, price: float) -> float:
    """Account currency per unit of the base."""
    return 1.0 if symbol.base == currency else price


def lot_margin(symbol: Specification, terms: AccountSettings, price: float) -> float:
    """What a lot opened at a price binds, in account currency: each calculation mode its own."""
    if symbol.calc_mode in FUTURES:
        return symbol.margin_initial * rate(symbol, terms.currency, price)
    index = symbol.calc_mode == SYMBOL_CALC_MODE_CFDINDEX
    size = symbol.contract_size * (symbol.tick_rate if index else 1.0)
    leverage = terms.leverage if symbol.calc_mode in LEVERAGED else 1
    return size * base_rate(symbol, terms.currency, price) / leverage


def stop_out_level(terms: AccountSettings, margin: float) -> float:
    """The equity at which the broker begins to close: a share of the margin, or an amount."""
    if terms.stop_out_money is not None:
        return terms.stop_out_money
    return margin * terms.stop_out_percent / 100


def profit(
    symbol: Specification, currency: str, side: int, volume: float, opened: float, closed: float
) -> float:
    """What a position gains from one price to the other, to the cent."""
    moved = closed - opened if is_buy(side) else opened - closed
    return round(moved * volume * symbol.lot_value * rate(symbol, currency, closed), 2)


def margin(ledger: Ledger, more: Iterable[Position] = ()) -> float:
    """What the account's positions, and some more, need. Opposite lots of a symbol cover each
    other: the uncovered rest counts in full, covered lots at the hedged share, or not at all where
    the account nets them."""
    legs: dict[str, tuple[list[Position], list[Position]]] = {}
    for position in (*ledger.positions.values(), *more):
        buys, sells = legs.setdefault(position.symbol, ([], []))
        (buys if is_buy(position.side) else sells).append(position)
    share = 0.0 if ledger.terms.nets else HEDGED_SHARE
    return round(0.0 + sum(_symbol_margin(share, *two) for two in legs.values()), 2)


def worth(
    symbols: Mapping[str, Specification],
    ledger: Ledger,
    prices: Prices,
    more: tuple[Position, ...] = (),
) -> Worth:
    """The account at these prices, with hypothetical positions if any."""
    gained = 0.0 + sum(
        floating(symbols[position.symbol], ledger.terms.currency, position, prices)
        for position in (*ledger.positions.values(), *more)
    )
    swaps = sum(position.swap for position in ledger.positions.values())
    return Worth(
        profit=round(gained, 2),
        equity=round(ledger.balance + gained + swaps, 2),
        margin=margin(ledger, more),
    )


def floating(symbol: Specification, currency: str, position: Position, prices: Prices) -> float:
    """A position's profit if it closed now."""
    bid, ask = prices(position.symbol)
    closed = bid if is_buy(position.side) else ask
    return profit(symbol, currency, position.side, position.volume, position.price_open, closed)


def affords(
    symbols: Mapping[str, Specification], ledger: Ledger, prices: Prices, opened: Position
) -> bool:
    """Whether the account can carry one more position."""
    if reduces(ledger, opened.symbol, opened.side, opened.volume):
        return True
    return worth(symbols, ledger, prices, (opened,)).free >= 0.0


def reduces(ledger: Ledger, name: str, side: int, lots: float) -> bool:
    """Whether a deal would only take from the one position of a symbol, which needs no money."""
    held = ledger.of_symbol(name) if ledger.terms.nets else None
    return held is not None and held.side != side and lots <= held.volume


def would_open(
    symbol: Specification, ledger: Ledger, side: int, volume: float, price: float
) -> Position:
    """A position as if it had just been opened, for asking what it would change."""
    return Position(
        ticket=0,
        symbol=symbol.name,
        side=side,
        volume=volume,
        price_open=price,
        sl=0.0,
        tp=0.0,
        opened_ms=ledger.now_ms,
        updated_ms=ledger.now_ms,
        magic=0,
        comment="",
        lot_margin=lot_margin(symbol, ledger.terms, price),
    )


def _symbol_margin(share: float, buys: list[Position], sells: list[Position]) -> float:
    bought = sum(position.volume for position in buys)
    sold = sum(position.volume for position in sells)
    longer = buys if bought >= sold else sells
    covered = min(bought, sold)
    uncovered = round(max(bought, sold) - covered, 8)
    needed = uncovered * _mean_margin(longer)
    if covered:
        needed += covered * share * _mean_margin([*buys, *sells])
    return needed


def _mean_margin(positions: list[Position]) -> float:
    volume = sum(position.volume for position in positions)
    return sum(position.volume * position.lot_margin for position in positions) / volume
