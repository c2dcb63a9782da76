"""What a simulated broker is told before it opens. Two brokers with equal settings are equal."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

from infra.mt5.constants import ACCOUNT_MARGIN_MODE_RETAIL_HEDGING, ACCOUNT_TRADE_MODE_DEMO
from infra.mt5.simulator.symbols import BY_NAME, SYMBOLS, Specification

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

    def __post_init__(self) -> None:
        if not 0 < self.ticks_per_s <= TICKS_PER_S_MAX:
            raise ValueError(
                f"ticks_per_s is {self.ticks_per_s}; give more than 0, at most {TICKS_PER_S_MAX:g}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Dealer:
    """Who confirms each deal where execution is by request: the share of them that he does not."""

    rejects: float = 0.0
    cancels: float = 0.0
    fails: float = 0.0

    def __post_init__(self) -> None:
        shares = (self.rejects, self.cancels, self.fails)
        if min(shares) < 0 or sum(shares) > 1:
            raise ValueError(f"the dealer's shares are {shares}; give none below 0, 1 in all")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """A rule of the server's own, with a return code of its own: no deal above so many lots."""

    volume_max: float
    retcode: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSettings:
    """The terms of every account."""

    deposit: float = 100_000.0
    currency: str = "USD"
    leverage: int = 100
    commission_per_lot: float = 3.5  # each way, in account currency
    margin_call_percent: float = 100.0
    stop_out_percent: float = 50.0
    margin_call_money: float | None = None  # with `stop_out_money`: both in account currency,
    stop_out_money: float | None = None  # of equity, instead of percents of the margin
    orders_max: int = 200
    positions_max: int = 200
    requests_per_s_max: int = 0  # 0: as many as come
    answer_limit_ms: int = 10_000  # a deal that takes longer is answered before it is made
    settling_ms: int = 0  # how long a change of an order keeps others from changing it
    kind: int = ACCOUNT_TRADE_MODE_DEMO
    margin_mode: int = ACCOUNT_MARGIN_MODE_RETAIL_HEDGING
    hedging_allowed: bool = True  # opposite positions of a symbol
    fifo_close: bool = False  # the oldest position of a symbol is closed first
    dealer: Dealer = Dealer()
    plugin: Plugin | None = None

    @property
    def margin_levels(self) -> tuple[float, float]:
        """Margin call and stop-out, in the unit that is in force."""
        if self.stop_out_money is None:
            return self.margin_call_percent, self.stop_out_percent
        return self.margin_call_money or self.stop_out_money, self.stop_out_money

    @property
    def nets(self) -> bool:
        """Whether there is one position per symbol."""
        return self.margin_mode != ACCOUNT_MARGIN_MODE_RETAIL_HEDGING

    trade_allowed: bool = True  # the broker lets this account trade
    experts_allowed: bool = True  # the broker lets programs trade
    terminal_trade_allowed: bool = True  # the terminal's AutoTrading button


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerSettings:
    """A broker: its market, its terms, the logins it knows.

    `outages_ms`: from when to when, in the server's clock, terminals do not reach it.
    """

    logins: tuple[int, ...]
    market: MarketSettings = MarketSettings()
    terms: AccountSettings = AccountSettings()
    outages_ms: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        if len(set(self.logins)) != len(self.logins):
            raise ValueError(f"logins are {self.logins}; give each account its own")
        for symbol in self.market.symbols:
            if self.terms.currency not in (symbol.base, symbol.profit):
                raise ValueError(
                    f"account currency is {self.terms.currency}, which is not in {symbol.name}; "
                    "give one that is in every symbol"
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
