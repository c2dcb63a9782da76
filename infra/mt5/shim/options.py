"""What a program's simulated broker is told: as text it reaches the program's children."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Literal

import msgspec

from infra.mt5 import constants as mt5
from infra.mt5.simulator.clock import Clock, RealClock, VirtualClock
from infra.mt5.simulator.settings import (
    SERVER,
    AccountSettings,
    BrokerSettings,
    MarketSettings,
    symbols_named,
)
from infra.mt5.simulator.specification import Depth
from infra.mt5.simulator.symbols import SYMBOLS

LOGIN = 90001
HOUR_S = 3_600
LEVELS = 10
BY_MARKET = mt5.SYMBOL_TRADE_EXECUTION_MARKET  # a dealer would take any volume at the quote
Kind = Literal["hedging", "netting", "exchange"]
MARGIN_MODES: dict[Kind, int] = {
    "hedging": mt5.ACCOUNT_MARGIN_MODE_RETAIL_HEDGING,
    "netting": mt5.ACCOUNT_MARGIN_MODE_RETAIL_NETTING,
    "exchange": mt5.ACCOUNT_MARGIN_MODE_EXCHANGE,
}


class Options(msgspec.Struct, frozen=True):
    """The broker that a program meets. The first login is the one that its terminal has saved.

    `server` and `password` are what the program logs in with; without a password any will do.
    `depth_lots`: the mean of what is on offer at each of ten prices; 0: any volume at the quote.
    `starts_at`: where virtual time begins; without it the time is the machine's. `books`: a folder
    in which what was traded outlives the program; without it nothing does.
    """

    seed: int = 7
    symbols: tuple[str, ...] = tuple(symbol.name for symbol in SYMBOLS)
    logins: tuple[int, ...] = (LOGIN,)
    server: str = SERVER
    password: str = ""
    kind: Kind = "hedging"
    depth_lots: float = 0.0
    server_offset_h: float = 0.0
    starts_at: datetime | None = None
    books: str = ""

    def __post_init__(self) -> None:
        if not self.logins or min(self.logins) < 1:
            raise ValueError(f"logins are {self.logins}; give at least one, each above 0")
        if self.starts_at is not None and self.starts_at.tzinfo is None:
            raise ValueError(f"time begins at {self.starts_at}, in no zone; give one, such as UTC")

    def settings(self) -> BrokerSettings:
        """The broker's; `ValueError` says what it cannot be."""
        named = symbols_named(self.symbols)
        if self.depth_lots:
            depth = Depth(levels=LEVELS, lots=self.depth_lots)
            named = tuple(replace(each, depth=depth, execution=BY_MARKET) for each in named)
        market = MarketSettings(
            seed=self.seed,
            symbols=named,
            server_offset_s=round(self.server_offset_h * HOUR_S),
        )
        terms = AccountSettings(margin_mode=MARGIN_MODES[self.kind])
        return BrokerSettings(logins=self.logins, market=market, terms=terms)

    def clock(self) -> Clock:
        """The clock of the broker."""
        if self.starts_at is None:
            return RealClock()
        return VirtualClock(round(self.starts_at.timestamp() * 1_000))
