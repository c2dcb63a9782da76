"""One account at the broker: requests one at a time, each written down before it is answered."""

from collections.abc import Callable
from dataclasses import dataclass
from threading import RLock

from infra.mt5 import constants as mt5
from infra.mt5.simulator.case import Case, case_of
from infra.mt5.simulator.execution import Fill
from infra.mt5.simulator.faults import Faults
from infra.mt5.simulator.judge import ACCEPTED, judge
from infra.mt5.simulator.ledger import Ledger
from infra.mt5.simulator.moment import Moment
from infra.mt5.simulator.money import Worth, worth
from infra.mt5.simulator.sweep import sweep
from infra.mt5.simulator.ticks import Market, Quote
from infra.mt5.simulator.trade import NOTHING, execute
from infra.mt5.tuples import TradeRequest

Record = Callable[[int, TradeRequest], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a request: a return code, and what was done."""

    retcode: int
    fill: Fill
    quote: Quote | None


class Account:
    """An account whose state is a function of the market and of the requests recorded."""

    def __init__(self, market: Market, ledger: Ledger, record: Record) -> None:
        self.market = market
        self.ledger = ledger
        self.faults = Faults()
        self.lock = RLock()
        self._record = record

    def advance(self, to_ms: int) -> None:
        """Let the market move the book. Time never runs backwards."""
        sweep(self.market, self.ledger, to_ms)

    def judged(self, request: TradeRequest) -> tuple[int, Case | None]:
        """What the server says to a request now, and the case it judged."""
        case = case_of(self.market, self.ledger, request, self.ledger.now_ms)
        return (unnamed(request) if case is None else judge(case)), case

    def send(self, request: TradeRequest) -> Outcome:
        """Judge, write down, execute. What is refused leaves no trace in the book."""
        code, case = self.judged(request)
        if code != ACCEPTED or case is None:
            return Outcome(code, NOTHING, case.quote if case else None)
        self._record(self.ledger.now_ms, request)
        return _outcome(case, execute(case))

    def replay(self, at_ms: int, request: TradeRequest) -> None:
        """Do again what was written down."""
        self.advance(at_ms)
        code, case = self.judged(request)
        if code != ACCEPTED or case is None:
            raise ReplayError(
                f"account {self.ledger.login}: the request recorded at {at_ms} is refused "
                f"with {code} on replay; the journal belongs to another version or configuration"
            )
        execute(case)

    def worth(self) -> Worth:
        """The account's figures now."""
        return worth(self.moment(), self.ledger)

    def moment(self) -> Moment:
        """The market as it is now."""
        return Moment(self.market, self.ledger.now_ms)


class ReplayError(RuntimeError):
    """A journal does not lead where it led when it was written."""


def unnamed(request: TradeRequest) -> int:
    """The code for a request that names nothing the broker knows."""
    if request.action in (mt5.TRADE_ACTION_MODIFY, mt5.TRADE_ACTION_REMOVE):
        return mt5.TRADE_RETCODE_INVALID_ORDER
    return mt5.TRADE_RETCODE_INVALID


def _outcome(case: Case, fill: Fill) -> Outcome:
    """What an accepted request is answered with. A deal is done, done in part, or waits whole."""
    action = case.request.action
    waits = action == mt5.TRADE_ACTION_DEAL and not fill.deal
    if waits or action == mt5.TRADE_ACTION_PENDING:
        return Outcome(mt5.TRADE_RETCODE_PLACED, fill, case.quote)
    partly = action == mt5.TRADE_ACTION_DEAL and fill.volume < round(case.request.volume, 8)
    code = mt5.TRADE_RETCODE_DONE_PARTIAL if partly else mt5.TRADE_RETCODE_DONE
    return Outcome(code, fill, case.quote)
