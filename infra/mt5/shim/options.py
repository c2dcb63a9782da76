"""What a program's simulated broker is told: as text it reaches the program's children."""

from __future__ import annotations

from datetime import datetime

import msgspec

from infra.mt5.simulator.clock import Clock, RealClock, VirtualClock
from infra.mt5.simulator.settings import SERVER
from infra.mt5.simulator.symbols import SYMBOLS

LOGIN = 90001
HOUR_S = 3_600


class Options(msgspec.Struct, frozen=True):
    """The broker that a program meets. The first login is the one that its terminal has saved.

    `server` and `password` are what the program logs in with; without a password any will do.
    `starts_at`: where virtual time begins; without it the time is the machine's. `books`: a folder
    in which what was traded outlives the program; without it nothing does.
    """

    seed: int = 7
    symbols: tuple[str, ...] = tuple(symbol.name for symbol in SYMBOLS)
    logins: tuple[int, ...] = (LOGIN,)
    server: str = SERVER
    password: str = ""
    server_offset_h: float = 0.0
    starts_at: datetime | None = None
    books: str = ""

    def __post_init__(self) -> None:
        if not self.logins or min(self.logins) < 1:
            raise ValueError(f"logins are {self.logins}; give at least one, each above 0")
        if self.starts_at is not None and self.starts_at.tzinfo is None:
            raise ValueError(f"time begins at {self.starts_at}, in no zone; give one, such as UTC")

    @property
    def server_offset_s(self) -> int:
        """How far the server's clock is ahead of UTC."""
        return round(self.server_offset_h * HOUR_S)

    def clock(self) -> Clock:
        """The clock of the broker."""
        if self.starts_at is None:
            return RealClock()
        return VirtualClock(round(self.starts_at.timestamp() * 1_000))
