"""What a broker states about a symbol: its contract, its trading rules, what holding it costs."""

from dataclasses import dataclass
from typing import NamedTuple

from infra.mt5 import constants as mt5

# Bit masks of symbol properties, which the package does not name.
FILLING_FOK = 1
FILLING_IOC = 2
FILLING_BOC = 4
EXPIRATION_ALL = 15  # GTC 1, DAY 2, SPECIFIED 4, SPECIFIED_DAY 8
ORDERS_ALL = 127  # MARKET 1, LIMIT 2, STOP 4, STOP_LIMIT 8, SL 16, TP 32, CLOSEBY 64

LEVELS_MAX = 32
_DAY_MINUTES = 1440
_BY_FACE = (mt5.SYMBOL_CALC_MODE_EXCH_BONDS, mt5.SYMBOL_CALC_MODE_EXCH_BONDS_MOEX)
FOREX = (mt5.SYMBOL_CALC_MODE_FOREX, mt5.SYMBOL_CALC_MODE_FOREX_NO_LEVERAGE)
FUTURES = (mt5.SYMBOL_CALC_MODE_FUTURES, mt5.SYMBOL_CALC_MODE_EXCH_FUTURES)
_BY_TICK = (*FUTURES, mt5.SYMBOL_CALC_MODE_CFDINDEX)  # an index: for its margin only
_MODELLED = (
    *FOREX,
    *_BY_TICK,
    *_BY_FACE,
    mt5.SYMBOL_CALC_MODE_CFD,
    mt5.SYMBOL_CALC_MODE_CFDLEVERAGE,
    mt5.SYMBOL_CALC_MODE_EXCH_STOCKS,
    mt5.SYMBOL_CALC_MODE_EXCH_STOCKS_MOEX,
    mt5.SYMBOL_CALC_MODE_SERV_COLLATERAL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Character:
    """How the price behaves. `dollar` and `risk` are loadings on the common factors; what is left
    of the variance is the symbol's own."""

    anchor: float
    day_deviation: float  # of the relative move of a day
    dollar: float
    risk: float
    spread_points: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Depth:
    """The book behind the best prices: levels on each side, and what a level holds on average."""

    levels: int = 5
    lots: float = 10.0
    step_points: int = 1

    def __post_init__(self) -> None:
        if not 0 < self.levels <= LEVELS_MAX or not self.lots > 0.0 or self.step_points < 1:
            raise ValueError(
                f"a book of {self.levels} levels of {self.lots} lots, {self.step_points} points "
                f"apart; give 1 to {LEVELS_MAX} levels of more than 0 lots, a point apart or more"
            )


class Bridge(NamedTuple):
    """A liquidity provider behind the symbol. What is more than it takes at once, it refuses with
    a number of its own, which the server passes on."""

    lots_max: float
    refusal: int


class Hours(NamedTuple):
    """Trading hours: a day of the week (Sunday is 0), from one minute of UTC to another."""

    weekday: int
    from_minute: int
    to_minute: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Specification:
    """A symbol. The margin of forex and futures is in `margin_currency`, if none is given in the
    base; that of all others in the profit currency."""

    name: str
    description: str
    path: str
    base: str
    profit: str
    digits: int
    contract_size: float
    character: Character
    swap_long: float = 0.0  # in the unit that `swap_mode` says
    swap_short: float = 0.0
    swap_mode: int = mt5.SYMBOL_SWAP_MODE_POINTS
    swap_triple_day: int = mt5.DAY_OF_WEEK_WEDNESDAY  # settles two days on: the weekend too
    calc_mode: int = mt5.SYMBOL_CALC_MODE_FOREX
    margin_currency: str = ""
    margin_initial: float = 0.0  # of a lot, where the calculation asks for it
    hedged_share: float = 0.5  # of the contract: what a covered lot needs
    tick_size: float = 0.0  # 0: a point
    tick_value: float = 0.0  # of a lot, in profit currency, where the calculation asks for it
    face_value: float = 0.0
    commission_per_lot: float | None = None  # each way; none: as the account's terms say
    volume_min: float = 0.01
    volume_max: float = 100.0
    volume_step: float = 0.01
    volume_limit: float = 0.0  # 0: none
    stops_level_points: int = 0
    freeze_level_points: int = 0
    filling_mask: int = FILLING_FOK | FILLING_IOC
    expiration_mask: int = EXPIRATION_ALL
    order_mask: int = ORDERS_ALL
    orders_gtc: int = mt5.SYMBOL_ORDERS_GTC
    trade_mode: int = mt5.SYMBOL_TRADE_MODE_FULL
    execution: int = mt5.SYMBOL_TRADE_EXECUTION_INSTANT
    depth: Depth | None = None  # none: any volume at the quote
    slippage_points: int = 0  # market execution: how far a deal may stray from the quote
    quote_age_max_s: int = 0  # an older quote is no price to deal at; 0: any is
    bridge: Bridge | None = None
    real_only: bool = False  # not for demo and contest accounts
    daily_break: bool = False
    hours: tuple[Hours, ...] = ()  # none: the market's week

    def __post_init__(self) -> None:
        if self.calc_mode not in _MODELLED:
            known = ", ".join(str(mode) for mode in sorted(_MODELLED))
            raise ValueError(
                f"{self.name}: calc_mode is {self.calc_mode}, which is not modelled; give {known}"
            )
        if self.calc_mode in _BY_TICK and not self.tick_value > 0.0:
            raise ValueError(f"{self.name}: tick_value is {self.tick_value}; give what a tick pays")
        if self.calc_mode in _BY_FACE and not self.face_value > 0.0:
            raise ValueError(f"{self.name}: face_value is {self.face_value}; give a bond's worth")
        ratio = self.grid / self.point
        if abs(ratio - round(ratio)) > 1e-6 or round(ratio) < 1:
            raise ValueError(f"{self.name}: tick_size is {self.tick_size}; give whole points")
        if not 0.0 < self.volume_step <= self.volume_min <= self.volume_max:
            raise ValueError(
                f"{self.name}: volume is {self.volume_min} to {self.volume_max} by "
                f"{self.volume_step}; give a step that is above 0 and not above the least"
            )
        for day, start, end in self.hours:
            if not (0 <= day <= 6 and 0 <= start < end <= _DAY_MINUTES):
                raise ValueError(
                    f"{self.name}: hours are day {day}, {start} to {end}; give a day from 0 "
                    f"(Sunday) to 6 and minutes of it, at most {_DAY_MINUTES}"
                )

    @property
    def point(self) -> float:
        return 1 / float(10**self.digits)

    @property
    def grid(self) -> float:
        """The step of prices."""
        return self.tick_size or self.point

    @property
    def tick_points(self) -> int:
        """The step of prices, in points."""
        return round(self.grid / self.point)

    @property
    def lot_value(self) -> float:
        """What a lot gains when the price rises by one, in profit currency."""
        if self.calc_mode in FUTURES:
            return self.tick_value / self.grid
        if self.calc_mode in _BY_FACE:
            return self.contract_size * self.face_value / 100
        return self.contract_size

    @property
    def margin_in(self) -> str:
        """The currency in which the margin is worked out."""
        if self.calc_mode in (*FOREX, *FUTURES):
            return self.margin_currency or self.base
        return self.profit

    def rounded(self, price: float) -> float:
        """The price, on the symbol's grid."""
        if not self.tick_size:
            return round(price, self.digits)
        return round(round(price / self.tick_size) * self.tick_size, self.digits)

    def steps_down(self, lots: float) -> float:
        """The most lots on the volume step that are not more than these."""
        return round(int(lots / self.volume_step + 1e-6) * self.volume_step, 8)
