"""Values with a fixed scale where it is money: quantised at birth, refused when senseless."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from enum import Enum
from typing import Annotated

from msgspec import Meta

PRICE_SCALE = 8
LOTS_SCALE = 4
MONEY_SCALE = 4

Price = Annotated[Decimal, Meta(extra={"precision": 18, "scale": PRICE_SCALE})]
"""Quote currency per unit of base currency."""
Lots = Annotated[Decimal, Meta(extra={"precision": 18, "scale": LOTS_SCALE})]
"""Volume in lots (one lot is the symbol's contract size)."""
Money = Annotated[Decimal, Meta(extra={"precision": 18, "scale": MONEY_SCALE})]
"""An amount in the account's currency."""


class Side(Enum):
    """Direction of an order or a signal."""

    BUY = "buy"
    SELL = "sell"

    @property
    def opposite(self) -> Side:
        """The side that closes a position of this one."""
        return Side.SELL if self is Side.BUY else Side.BUY


def price(value: Decimal | float | str) -> Decimal:
    """A price of `PRICE_SCALE` decimals; `ValueError` unless finite and positive."""
    quantised = _quantised(value, PRICE_SCALE, "price")
    if quantised <= 0:
        raise ValueError(f"price is {value}; give a positive number")
    return quantised


def lots(value: Decimal | float | str) -> Decimal:
    """A volume of `LOTS_SCALE` decimals; `ValueError` unless finite and not negative."""
    quantised = _quantised(value, LOTS_SCALE, "volume_lots")
    if quantised < 0:
        raise ValueError(f"volume_lots is {value}; give a number of lots that is not negative")
    return quantised


def money(value: Decimal | float | str) -> Decimal:
    """An amount of `MONEY_SCALE` decimals; `ValueError` unless finite."""
    return _quantised(value, MONEY_SCALE, "money")


def _quantised(value: Decimal | float | str, scale: int, name: str) -> Decimal:
    exact = value if isinstance(value, Decimal) else Decimal(str(value))
    if not exact.is_finite():
        raise ValueError(f"{name} is {value}; give a finite number")
    return exact.quantize(Decimal(1).scaleb(-scale), rounding=ROUND_HALF_EVEN)
