"""What positions are worth: profit, margin, equity, all in account currency."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from infra.mt5 import constants as mt5
from infra.mt5.simulator.ledger import Ledger, Position, is_buy
from infra.mt5.simulator.moment import Moment
from infra.mt5.simulator.settings import AccountSettings
from infra.mt5.simulator.specification import FOREX, FUTURES, Specification

_BY_LEVERAGE = (mt5.SYMBOL_CALC_MODE_FOREX, mt5.SYMBOL_CALC_MODE_CFDLEVERAGE)


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


def profit(
    moment: Moment,
    symbol: Specification,
    currency: str,
    side: int,
    volume: float,
    opened: float,
    closed: float,
) -> float:
    """What a position gains from one price to the other, to the cent."""
    moved = closed - opened if is_buy(side) else opened - closed
    rate = moment.own_rate(symbol, symbol.profit, currency, side, closed)
    return round(moved * volume * symbol.lot_value * rate, 2)


def lot_margin(
    moment: Moment, symbol: Specification, terms: AccountSettings, side: int, price: float
) -> float:
    """What a lot opened at this price binds, in account currency: a buy pays asks, a sell bids."""
    rate = moment.own_rate(symbol, symbol.margin_in, terms.currency, 1 - side, price)
    share = 1 / terms.leverage if symbol.calc_mode in _BY_LEVERAGE else 1.0
    return _lot_worth(symbol, price) * rate * share


def margin(symbols: Mapping[str, Specification], ledger: Ledger, more: Iterable[Position]) -> float:
    """What the account's positions, and some more, need. Opposite lots of a symbol cover each
    other: the uncovered rest counts in full, covered lots at the hedged share (on a netting
    account, where they would not be there any more, not at all)."""
    sides: dict[str, list[float]] = {}
    for position in (*ledger.positions.values(), *more):
        held = sides.setdefault(position.symbol, [0.0, 0.0, 0.0, 0.0])
        held[position.side] += position.volume
        held[2 + position.side] += position.volume * position.lot_margin
    hedges = ledger.terms.hedges
    total = sum(
        _symbol_margin(symbols[name].hedged_share if hedges else 0.0, *held)
        for name, held in sides.items()
    )
    return round(float(total), 2)


def worth(moment: Moment, ledger: Ledger, more: tuple[Position, ...] = ()) -> Worth:
    """The account at this moment, with hypothetical positions if any."""
    gained = swaps = 0.0
    for position in (*ledger.positions.values(), *more):
        gained += floating(moment, ledger.terms.currency, position)
        swaps += position.swap
    return Worth(
        profit=round(gained, 2),
        equity=round(ledger.balance + ledger.terms.credit + gained + swaps, 2),
        margin=margin(moment.market.symbols, ledger, more),
    )


def floating(moment: Moment, currency: str, position: Position) -> float:
    """A position's profit if it closed now."""
    symbol = moment.market.symbols[position.symbol]
    bid, ask = moment.prices(position.symbol)
    closed = bid if is_buy(position.side) else ask
    side, volume = position.side, position.volume
    return profit(moment, symbol, currency, side, volume, position.price_open, closed)


def would_open(
    moment: Moment, symbol: Specification, ledger: Ledger, side: int, volume: float, price: float
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
        lot_margin=lot_margin(moment, symbol, ledger.terms, side, price),
    )


def affords(
    moment: Moment, ledger: Ledger, symbol: Specification, side: int, lots: float, price: float
) -> bool:
    """Whether the account still covers its margin after such a deal and its commission."""
    opened = would_open(moment, symbol, ledger, side, lots, price)
    after = worth(moment, ledger, (opened,))
    return after.free >= commission(symbol, ledger.terms, lots)


def commission(symbol: Specification, terms: AccountSettings, volume: float) -> float:
    """What a deal of this volume costs."""
    own = symbol.commission_per_lot
    return round((terms.commission_per_lot if own is None else own) * volume, 2)


def _lot_worth(symbol: Specification, price: float) -> float:
    """What a lot counts for in its margin currency, before leverage."""
    match symbol.calc_mode:
        case mode if mode in FOREX:
            return symbol.contract_size
        case mode if mode in FUTURES:
            return symbol.margin_initial
        case mt5.SYMBOL_CALC_MODE_SERV_COLLATERAL:
            return 0.0
        case mt5.SYMBOL_CALC_MODE_CFDINDEX:
            return symbol.contract_size * price * symbol.tick_value / symbol.grid
        case _:
            return symbol.lot_value * price


def _symbol_margin(
    share: float, bought: float, sold: float, bound_bought: float, bound_sold: float
) -> float:
    """Of the lots of each side and of what they would bind alone, at their mean rates."""
    covered = min(bought, sold)
    uncovered = round(max(bought, sold) - covered, 8)
    needed = uncovered * (bound_bought / bought if bought >= sold else bound_sold / sold)
    if covered:
        needed += covered * share * (bound_bought + bound_sold) / (bought + sold)
    return needed
