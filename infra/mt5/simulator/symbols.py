"""The symbols that the venue quotes by default."""

from infra.mt5.constants import SYMBOL_CALC_MODE_CFDLEVERAGE
from infra.mt5.simulator.specification import FILLING_FOK, Character, Specification


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
