"""The symbols that the broker quotes: their contracts, their trading rules, their character."""

from dataclasses import dataclass

from infra.mt5.constants import (
    DAY_OF_WEEK_WEDNESDAY,
    SYMBOL_CALC_MODE_CFD,
    SYMBOL_CALC_MODE_CFDINDEX,
    SYMBOL_CALC_MODE_CFDLEVERAGE,
    SYMBOL_CALC_MODE_EXCH_FUTURES,
    SYMBOL_CALC_MODE_EXCH_STOCKS,
    SYMBOL_CALC_MODE_FOREX,
    SYMBOL_CALC_MODE_FOREX_NO_LEVERAGE,
    SYMBOL_CALC_MODE_FUTURES,
    SYMBOL_SWAP_MODE_DISABLED,
    SYMBOL_SWAP_MODE_INTEREST_OPEN,
    SYMBOL_SWAP_MODE_POINTS,
    SYMBOL_TRADE_EXECUTION_INSTANT,
    SYMBOL_TRADE_MODE_FULL,
)

# Bit masks of symbol properties, which the package does not name.
FILLING_FOK = 1
FILLING_IOC = 2
EXPIRATION_ALL = 15  # GTC 1, DAY 2, SPECIFIED 4, SPECIFIED_DAY 8
ORDERS_ALL = 63  # MARKET 1, LIMIT 2, STOP 4, STOP_LIMIT 8, SL 16, TP 32

LEVERAGED = (SYMBOL_CALC_MODE_FOREX, SYMBOL_CALC_MODE_CFDLEVERAGE)
FUTURES = (SYMBOL_CALC_MODE_FUTURES, SYMBOL_CALC_MODE_EXCH_FUTURES)
BY_TICK_VALUE = (SYMBOL_CALC_MODE_CFDINDEX, *FUTURES)
CALC_MODES = (
    *LEVERAGED,
    *BY_TICK_VALUE,
    SYMBOL_CALC_MODE_FOREX_NO_LEVERAGE,
    SYMBOL_CALC_MODE_CFD,
    SYMBOL_CALC_MODE_EXCH_STOCKS,
)

SWAP_MODES = range(SYMBOL_SWAP_MODE_DISABLED, SYMBOL_SWAP_MODE_INTEREST_OPEN + 1)


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
    """How much is on offer at each price. The lots of a level are drawn anew for every quote,
    between half of and one and a half times `lots_per_level`."""

    levels: int
    lots_per_level: float
    step_points: int = 1

    def __post_init__(self) -> None:
        if self.levels < 1 or not self.lots_per_level > 0 or self.step_points < 1:
            raise ValueError(f"depth is {self}; give at least one level, lot share and point")


@dataclass(frozen=True, slots=True, kw_only=True)
class Specification:
    """What a broker states about a symbol."""

    name: str
    description: str
    path: str
    base: str
    profit: str
    digits: int
    contract_size: float
    character: Character
    swap_long: float  # for a lot and a night, as `swap_mode` counts it
    swap_short: float
    swap_mode: int = SYMBOL_SWAP_MODE_POINTS
    swap_triple_day: int = DAY_OF_WEEK_WEDNESDAY  # settlement two days on: it pays the weekend
    calc_mode: int = SYMBOL_CALC_MODE_FOREX
    tick_value: float = 0.0  # of an index or a future: what a point of a lot is worth
    margin_initial: float = 0.0  # of a future: what a lot binds; both in the profit currency
    volume_min: float = 0.01
    volume_max: float = 100.0
    volume_step: float = 0.01
    volume_limit: float = 0.0  # 0: none
    stops_level_points: int = 0
    freeze_level_points: int = 0
    filling_mask: int = FILLING_FOK | FILLING_IOC
    trade_mode: int = SYMBOL_TRADE_MODE_FULL
    execution: int = SYMBOL_TRADE_EXECUTION_INSTANT
    execution_ms: int = 0  # from an accepted market order to its deal
    depth: Depth | None = None  # none: every volume at the quote
    quote_age_ms_max: int = 0  # an older quote is no price; 0: none is too old
    expiration_mask: int = EXPIRATION_ALL
    order_mask: int = ORDERS_ALL
    real_only: bool = False
    daily_break: bool = False

    def __post_init__(self) -> None:
        if self.calc_mode not in CALC_MODES:
            raise ValueError(f"calc_mode of {self.name} is {self.calc_mode}; give a supported one")
        if self.calc_mode in BY_TICK_VALUE and not self.tick_value > 0:
            raise ValueError(
                f"tick_value of {self.name} is {self.tick_value}; give what a point is"
            )
        if self.calc_mode in FUTURES and not self.margin_initial > 0:
            raise ValueError(f"margin_initial of {self.name} is missing; give what a lot binds")
        if self.swap_mode not in SWAP_MODES:
            raise ValueError(f"swap_mode of {self.name} is {self.swap_mode}; give a supported one")

    @property
    def point(self) -> float:
        return 1 / float(10**self.digits)

    @property
    def lot_value(self) -> float:
        """Profit currency that a lot gains when the price rises by one."""
        return self.tick_rate if self.calc_mode in FUTURES else self.contract_size

    @property
    def tick_rate(self) -> float:
        """What a point is worth over what a point is."""
        return self.tick_value * float(10**self.digits)

    def rounded(self, price: float) -> float:
        """The price, at the symbol's digits."""
        return round(price, self.digits)


def _forex(
    name: str, description: str, character: Character, swaps: tuple[float, float], digits: int = 5
) -> Specification:
    return Specification(
        name=name,
        description=description,
        path=f"Forex\\Majors\\{name}",
        base=name[:3],
        profit=name[3:],
        digits=digits,
        contract_size=100_000.0,
        character=character,
        swap_long=swaps[0],
        swap_short=swaps[1],
        stops_level_points=10,
    )


SYMBOLS: tuple[Specification, ...] = (
    _forex(
        "EURUSD",
        "Euro vs US Dollar",
        Character(anchor=1.085, day_deviation=0.0040, dollar=-0.88, risk=0.10, spread_points=8),
        (-7.2, 2.9),
    ),
    _forex(
        "GBPUSD",
        "Pound Sterling vs US Dollar",
        Character(anchor=1.27, day_deviation=0.0046, dollar=-0.78, risk=0.25, spread_points=12),
        (-3.1, -1.2),
    ),
    _forex(
        "USDJPY",
        "US Dollar vs Yen",
        Character(anchor=150.0, day_deviation=0.0048, dollar=0.66, risk=0.40, spread_points=10),
        (14.8, -27.5),
        digits=3,
    ),
    _forex(
        "USDCHF",
        "US Dollar vs Swiss Franc",
        Character(anchor=0.89, day_deviation=0.0041, dollar=0.85, risk=0.08, spread_points=13),
        (5.6, -10.4),
    ),
    _forex(
        "AUDUSD",
        "Australian Dollar vs US Dollar",
        Character(anchor=0.66, day_deviation=0.0054, dollar=-0.68, risk=0.50, spread_points=10),
        (-2.4, -0.6),
    ),
    Specification(
        name="XAUUSD",
        description="Gold vs US Dollar",
        path="Metals\\XAUUSD",
        base="XAU",
        profit="USD",
        digits=2,
        contract_size=100.0,
        character=Character(
            anchor=2350.0, day_deviation=0.0085, dollar=-0.50, risk=-0.30, spread_points=18
        ),
        swap_long=-38.0,
        swap_short=19.0,
        calc_mode=SYMBOL_CALC_MODE_CFDLEVERAGE,
        volume_max=50.0,
        stops_level_points=20,
        filling_mask=FILLING_FOK,
        daily_break=True,
    ),
)

BY_NAME = {specification.name: specification for specification in SYMBOLS}
