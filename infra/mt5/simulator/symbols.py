"""The symbols that the broker quotes: their contracts, their trading rules, their character."""

from dataclasses import dataclass

from infra.mt5.constants import (
    SYMBOL_CALC_MODE_CFDLEVERAGE,
    SYMBOL_CALC_MODE_FOREX,
    SYMBOL_TRADE_EXECUTION_INSTANT,
    SYMBOL_TRADE_MODE_FULL,
)

# Bit masks of symbol properties, which the package does not name.
FILLING_FOK = 1
FILLING_IOC = 2
EXPIRATION_ALL = 15  # GTC 1, DAY 2, SPECIFIED 4, SPECIFIED_DAY 8
ORDERS_ALL = 63  # MARKET 1, LIMIT 2, STOP 4, STOP_LIMIT 8, SL 16, TP 32


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
    swap_long_points: float
    swap_short_points: float
    calc_mode: int = SYMBOL_CALC_MODE_FOREX
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

    @property
    def point(self) -> float:
        return 1 / float(10**self.digits)

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
        swap_long_points=swaps[0],
        swap_short_points=swaps[1],
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
        swap_long_points=-38.0,
        swap_short_points=19.0,
        calc_mode=SYMBOL_CALC_MODE_CFDLEVERAGE,
        volume_max=50.0,
        stops_level_points=20,
        filling_mask=FILLING_FOK,
        daily_break=True,
    ),
)

BY_NAME = {specification.name: specification for specification in SYMBOLS}
