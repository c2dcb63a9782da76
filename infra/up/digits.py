"""Prices and volumes as people write them: as many decimals as the symbol is quoted with."""

from __future__ import annotations

from decimal import Decimal

DECIMALS_MAX = 8
LOTS_DECIMALS = 2


class Prices:
    """Remembers how finely each symbol is quoted, by the finest quote that was seen of it."""

    def __init__(self) -> None:
        self._decimals: dict[str, int] = {}

    def see(self, symbol: str, *prices: float) -> None:
        """These were quoted."""
        seen = [self._decimals.get(symbol, 0), *(_decimals(_short(price)) for price in prices)]
        self._decimals[symbol] = max(seen)

    def text(self, symbol: str, price: float | str) -> str:
        """A price of the symbol; one that nobody has seen quoted keeps the digits that matter."""
        decimals = self._decimals.get(symbol, _decimals(_short(price)))
        return f"{_short(price):.{decimals}f}"


def volume(lots: float | str) -> str:
    """A volume, with more than two decimals only where it has them."""
    short = _short(lots)
    return f"{short:.{max(LOTS_DECIMALS, _decimals(short))}f}"


def _short(figure: float | str) -> Decimal:
    """Without the noise of a double, and without trailing zeros."""
    return round(Decimal(str(figure)), DECIMALS_MAX).normalize()


def _decimals(figure: Decimal) -> int:
    return max(0, -int(figure.as_tuple().exponent))
