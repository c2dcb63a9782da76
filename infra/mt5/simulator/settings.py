"""What a simulated broker is told before it opens. Two brokers with equal settings are equal."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

from infra.mt5 import constants as mt5
from infra.mt5.simulator.conversion import legs
from infra.mt5.simulator.mishaps import MISHAPS_PER_DAY_MAX, MarketFault
from infra.mt5.simulator.specification import Specification
from infra.mt5.simulator.symbols import BY_NAME, SYMBOLS

SERVER = "Tapedeck-Paper"
COMPANY = "Tapedeck simulated broker"
# Not a secret: the paper venue listens on this machine alone and holds no money.
PASSWORD = "paper"
TICKS_PER_S_MAX = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketSettings:
    """The market.

    `ticks_per_s` is the mean rate at which a symbol is quoted; quotes that change nothing are no
    ticks, so high rates thin out. `drift_strength` is the correlation of a minute's return with
    the mean of the fifteen before it in normal volatility (none when calm, more when active):
    beside the bounce of quotes within seconds it is the one thing in these prices that can be
    forecast. With the default the sign of the last fifteen minutes is the sign of the next five in
    about 52 of 100 cases; with 0 nobody does better than a coin.
    """

    seed: int = 7
    symbols: tuple[Specification, ...] = SYMBOLS
    week: Literal["always", "fx"] = "always"
    ticks_per_s: float = 2.0
    drift_strength: float = 0.06
    server_offset_s: int = 0
    history_days: int = 60  # how far back bars go; ticks go back to the year 2000
    faults: tuple[MarketFault, ...] = ()
    mishaps_per_day: float = 0.0  # of each symbol, drawn by the seed
    recording: str = ""  # names the recorded quotes, if it is they that are quoted

    def __post_init__(self) -> None:
        if not 0 < self.ticks_per_s <= TICKS_PER_S_MAX:
            raise ValueError(
                f"ticks_per_s is {self.ticks_per_s}; give more than 0, at most {TICKS_PER_S_MAX:g}"
            )
        if not 0 <= self.mishaps_per_day <= MISHAPS_PER_DAY_MAX:
            raise ValueError(
                f"mishaps_per_day is {self.mishaps_per_day}; give 0 to {MISHAPS_PER_DAY_MAX}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSettings:
    """The terms of every account. The levels of margin call and stop-out are percent of the
    margin, or amounts of equity, as `stop_out_mode` says."""

    deposit: float = 100_000.0
    credit: float = 0.0
    currency: str = "USD"
    leverage: int = 100
    margin_mode: int = mt5.ACCOUNT_MARGIN_MODE_RETAIL_HEDGING
    trade_mode: int = mt5.ACCOUNT_TRADE_MODE_DEMO
    commission_per_lot: float = 3.5  # each way, in account currency
    stop_out_mode: int = mt5.ACCOUNT_STOPOUT_MODE_PERCENT
    margin_call: float = 100.0
    stop_out: float = 50.0
    orders_max: int = 200
    positions_max: int = 200
    fifo_close: bool = False  # of a symbol, the oldest position must be closed first
    hedging_prohibited: bool = False  # no opposite positions, though the account could hold them
    trade_allowed: bool = True  # the broker lets this account trade
    experts_allowed: bool = True  # the broker lets programs trade
    terminal_trade_allowed: bool = True  # the terminal's AutoTrading button
    api_trade_allowed: bool = True  # the terminal's leave to trade through the package
    requests_per_s_max: int = 0  # 0: any number
    comment_chars_max: int = 29  # of a comment the broker keeps no more
    way_ms: int = 0  # from the terminal to the server, and as long back
    way_jitter_ms: int = 0
    desk_ms: int = 0  # from when a request is accepted until it is carried out
    desk_jitter_ms: int = 0
    answer_wait_ms: int = 60_000  # how long a terminal waits for the desk

    def __post_init__(self) -> None:
        if self.leverage < 1:
            raise ValueError(f"leverage is {self.leverage}; give 1 or more")
        durations = (self.way_ms, self.way_jitter_ms, self.desk_ms, self.desk_jitter_ms)
        if min(*durations, self.answer_wait_ms, self.requests_per_s_max) < 0:
            raise ValueError(
                "way_ms, desk_ms, their jitters, answer_wait_ms and requests_per_s_max are "
                f"{(*durations, self.answer_wait_ms, self.requests_per_s_max)}; give 0 or more"
            )

    @property
    def hedges(self) -> bool:
        """Whether each opening deal makes a position of its own."""
        return self.margin_mode == mt5.ACCOUNT_MARGIN_MODE_RETAIL_HEDGING

    def stop_out_level(self, margin: float) -> float:
        """The equity at which the broker begins to close positions."""
        money = self.stop_out_mode == mt5.ACCOUNT_STOPOUT_MODE_MONEY
        return self.stop_out if money else margin * self.stop_out / 100


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerSettings:
    """A broker: its market, its terms, the logins it knows."""

    logins: tuple[int, ...]
    market: MarketSettings = MarketSettings()
    terms: AccountSettings = AccountSettings()

    def __post_init__(self) -> None:
        if len(set(self.logins)) != len(self.logins):
            raise ValueError(f"logins are {self.logins}; give each account its own")
        symbols = {symbol.name: symbol for symbol in self.market.symbols}
        for symbol in self.market.symbols:
            for source in (symbol.profit, symbol.margin_in):
                if legs(symbols, source, self.terms.currency) is None:
                    raise ValueError(
                        f"account currency is {self.terms.currency}; nothing that is quoted leads "
                        f"there from {source}, which {symbol.name} needs: add a symbol that does"
                    )

    def digest(self) -> str:
        """Names market and terms: a journal written under others cannot be replayed."""
        return sha256(repr((self.market, self.terms)).encode()).hexdigest()[:16]


def symbols_named(names: tuple[str, ...]) -> tuple[Specification, ...]:
    """The specifications of these symbols."""
    unknown = [name for name in names if name not in BY_NAME]
    if unknown:
        known = ", ".join(BY_NAME)
        raise ValueError(f"symbol {unknown[0]} is not quoted by the venue; give some of {known}")
    return tuple(BY_NAME[name] for name in names)
