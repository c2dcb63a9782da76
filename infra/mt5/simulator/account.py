"""One account at the broker: requests one at a time, each written down before it is answered."""

from collections import deque
from collections.abc import Callable
from threading import RLock
from typing import NamedTuple

from infra.mt5.constants import ORDER_REASON_CLIENT
from infra.mt5.simulator.case import Case, case_of
from infra.mt5.simulator.desk import carry_out, unnamed
from infra.mt5.simulator.faults import Faults
from infra.mt5.simulator.journal import JournalError
from infra.mt5.simulator.judge import ACCEPTED, judge
from infra.mt5.simulator.ledger import Ledger
from infra.mt5.simulator.moment import Moment
from infra.mt5.simulator.money import Worth, worth
from infra.mt5.simulator.sweep import sweep
from infra.mt5.simulator.ticks import Market
from infra.mt5.simulator.work import AT_ONCE, Manner, Outcome
from infra.mt5.tuples import TradeRequest

Record = Callable[[int, TradeRequest, Manner], None]
_BY_HAND = Manner(reason=ORDER_REASON_CLIENT)


class Act(NamedTuple):
    """What somebody else does on the account, and when, in the server's clock."""

    at_ms: int
    request: TradeRequest


class Account:
    """An account whose state is a function of the market and of the requests recorded."""

    def __init__(self, market: Market, ledger: Ledger, record: Record) -> None:
        self.market = market
        self.ledger = ledger
        self.faults = Faults()
        self.lock = RLock()
        self._record = record
        self._acts: list[Act] = []
        self._lately_ms: deque[int] = deque()

    def advance(self, to_ms: int) -> None:
        """Let the market move the book, and others trade on it. Time never runs backwards."""
        while self._acts and self._acts[0].at_ms <= to_ms:
            act = self._acts.pop(0)
            sweep(self.market, self.ledger, act.at_ms)
            self.send(act.request, _BY_HAND)
        sweep(self.market, self.ledger, to_ms)

    def others(self, act: Act) -> None:
        """Somebody else is going to trade on the account."""
        self._acts = sorted((*self._acts, act), key=lambda each: each.at_ms)

    def admits(self, at_ms: int) -> bool:
        """Whether one more request within a second is not too many; it is counted if so."""
        most, lately = self.ledger.terms.requests_per_s_max, self._lately_ms
        if not most:
            return True
        while lately and lately[0] <= at_ms - 1000:
            lately.popleft()
        if len(lately) >= most:
            return False
        lately.append(at_ms)
        return True

    def judged(self, request: TradeRequest, manner: Manner = AT_ONCE) -> tuple[int, Case | None]:
        """What the server says to a request now, and the case it judged."""
        case = case_of(self.market, self.ledger, request, self.ledger.now_ms, manner)
        return (unnamed(request) if case is None else judge(case)), case

    def send(self, request: TradeRequest, manner: Manner = AT_ONCE) -> Outcome:
        """Judge, write down, execute. What is refused leaves no trace in the book."""
        code, case = self.judged(request, manner)
        if code != ACCEPTED or case is None:
            return Outcome(code, quote=case.quote if case else None)
        self._record(self.ledger.now_ms, request, manner)
        return carry_out(case, manner)

    def replay(self, at_ms: int, request: TradeRequest, manner: Manner = AT_ONCE) -> None:
        """Do again what was written down."""
        self.advance(at_ms)
        code, case = self.judged(request, manner)
        if code != ACCEPTED or case is None:
            raise ReplayError(
                f"account {self.ledger.login}: the request recorded at {at_ms} is refused "
                f"with {code} on replay; the journal belongs to another version or configuration"
            )
        carry_out(case, manner)

    def worth(self) -> Worth:
        """The account's figures now."""
        return worth(self.moment(), self.ledger)

    def moment(self) -> Moment:
        """The market as it is now."""
        return Moment(self.market, self.ledger.now_ms)


class ReplayError(JournalError):
    """A journal does not lead where it led when it was written."""
