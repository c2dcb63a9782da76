"""What a program's simulated broker is told: as text it reaches the program's children."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec

from infra.mt5 import constants as mt5
from infra.mt5.link import CallError
from infra.mt5.simulator.broker import Broker
from infra.mt5.simulator.clock import Clock, RealClock, VirtualClock
from infra.mt5.simulator.faults import FaultRule, seeded
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
LOGIN_MAX = 2**63 - 1
DELAY_MS_MAX = 3_600_000
YEARS = (2001, 2200)
"""Before them there are no prices; after them some counts no longer fit."""
BOUNDS = {
    "server_offset_h": (-24, 24),
    "depth_lots": (0, 1_000_000_000),
    "way_ms": (0, DELAY_MS_MAX),
    "desk_ms": (0, DELAY_MS_MAX),
    "jitter_ms": (0, DELAY_MS_MAX),
    "faults_per_hour": (0, 3_600),
}
FAULTS_FOR_MS = 24 * HOUR_S * 1_000
"""How long faults by the seed go on; there would be no end to their list."""
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

    `recorded` names files of ticks or bars by symbol: time is virtual then and begins with them.
    `way_ms` is how long a request travels one way, `desk_ms` how long the desk takes, `jitter_ms`
    how much longer either may, by the seed. `faults` are rules for each account's terminal,
    `faults_per_hour` more of them by the seed, `mishaps_per_day` those of each symbol's market.
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
    recorded: dict[str, str] = {}
    way_ms: int = 0
    desk_ms: int = 0
    jitter_ms: int = 0
    faults: tuple[FaultRule, ...] = ()
    faults_per_hour: float = 0.0
    mishaps_per_day: float = 0.0

    def __post_init__(self) -> None:
        if not self.logins or not all(1 <= login <= LOGIN_MAX for login in self.logins):
            raise ValueError(f"logins are {self.logins}; give at least one, each 1 to {LOGIN_MAX}")
        if self.starts_at is not None:
            _check_start(self.starts_at)
        for name, (least, most) in BOUNDS.items():
            value = getattr(self, name)
            if not least <= value <= most:
                raise ValueError(f"{name} is {value}; give {least:,} to {most:,}")

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
            mishaps_per_day=self.mishaps_per_day,
        )
        terms = AccountSettings(
            margin_mode=MARGIN_MODES[self.kind],
            way_ms=self.way_ms,
            way_jitter_ms=self.jitter_ms,
            desk_ms=self.desk_ms,
            desk_jitter_ms=self.jitter_ms,
        )
        return BrokerSettings(logins=self.logins, market=market, terms=terms)

    @property
    def virtual(self) -> bool:
        """Whether time is the program's own."""
        return self.starts_at is not None or bool(self.recorded)

    def clock(self) -> Clock:
        """The clock of the broker."""
        if self.starts_at is not None:
            return VirtualClock(round(self.starts_at.timestamp() * 1_000))
        if not self.recorded:
            return RealClock()
        from infra.mt5.shim.recorded import begins_ms  # what unpacks files: few programs need it

        return VirtualClock(begins_ms(self.recorded))

    def broker(self, clock: Clock) -> Broker:
        """The broker; `ValueError` or `JournalError` says why there can be none."""
        settings, market = self.settings(), None
        if self.recorded:
            from infra.mt5.shim.recorded import market_of

            market = market_of(self.recorded, settings.market)
            settings = replace(settings, market=market.settings)
        broker = Broker(settings, clock, Path(self.books) if self.books else None, market)
        now_ms = broker.now_ms()
        for login in self.logins:
            until_ms = now_ms + FAULTS_FOR_MS
            drawn = seeded(self.seed, login, now_ms, until_ms, self.faults_per_hour)
            try:
                broker.inject(login, (*self.faults, *drawn))
            except CallError as wrong:
                broker.close()
                raise ValueError(wrong.text) from None
        return broker


def _check_start(at: datetime) -> None:
    if at.tzinfo is None:
        raise ValueError(f"time begins at {at}, in no zone; give one, such as UTC")
    first, last = YEARS
    if not first <= at.year <= last:
        raise ValueError(f"time begins in {at.year}; give a year from {first} to {last}")
