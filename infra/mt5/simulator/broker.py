"""The broker: one market, its accounts, one clock."""

from pathlib import Path
from threading import Lock

from infra.mt5.constants import RES_E_INVALID_PARAMS, RES_E_NOT_FOUND
from infra.mt5.link import CallError
from infra.mt5.simulator.account import Account
from infra.mt5.simulator.clock import Clock
from infra.mt5.simulator.faults import FaultRule
from infra.mt5.simulator.journal import Header, Journal
from infra.mt5.simulator.ledger import opened
from infra.mt5.simulator.settings import BrokerSettings
from infra.mt5.simulator.ticks import Market
from infra.mt5.simulator.work import Manner
from infra.mt5.tuples import TradeRequest

# Count up when equal settings and requests give other prices or another book than before.
MODEL = 7


class Broker:
    """All accounts of a simulated server. With a folder its books survive a kill.

    Thread-safe: each account answers one call at a time, accounts do not wait for each other.
    Brokers of one process may share a market, which only saves them computing it twice.
    """

    def __init__(
        self,
        settings: BrokerSettings,
        clock: Clock,
        folder: Path | None = None,
        market: Market | None = None,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.market = market or Market(settings.market)
        if self.market.settings != settings.market:
            raise ValueError("the market given is another than the settings ask for")
        self._offset_ms = settings.market.server_offset_s * 1000
        self._lock = Lock()
        self._latest_ms = 0
        self._journals: list[Journal] = []
        try:
            self.accounts = {login: self._account(login, folder) for login in settings.logins}
        except Exception:
            self.close()
            raise
        self._latest_ms = max(account.ledger.now_ms for account in self.accounts.values())

    def now_ms(self) -> int:
        """The server's clock. It stands still where the machine's clock has been set back."""
        with self._lock:
            self._latest_ms = max(self._latest_ms, self.clock.now_ms() + self._offset_ms)
            return self._latest_ms

    def jump(self, duration_ms: int) -> None:
        """Put the server's clock forward; back it cannot go, it would only stand still."""
        with self._lock:
            self._offset_ms += duration_ms

    def advance(self) -> None:
        """Bring every book to now, so that nobody has to wait for a long way later."""
        for account in self.accounts.values():
            with account.lock:
                account.advance(self.now_ms())

    def inject(self, login: int, rules: tuple[FaultRule, ...]) -> None:
        """Spoil the next trade requests of an account by these rules; none: stop spoiling."""
        account = self.accounts.get(login)
        if account is None:
            raise CallError(RES_E_NOT_FOUND, f"Terminal: no account {login}")
        for rule in rules:
            if (wrong := self._senseless(rule)) is not None:
                raise CallError(RES_E_INVALID_PARAMS, f"Terminal: {rule.kind}: {wrong}")
        with account.lock:
            account.faults.replace(rules)

    def _senseless(self, rule: FaultRule) -> str | None:
        """What a rule lacks to be followed."""
        if rule.delay_ms < 0 or rule.for_ms < 0:
            return f"delay_ms is {rule.delay_ms}, for_ms {rule.for_ms}; give 0 or more"
        if rule.kind == "wrong_account" and rule.login not in self.accounts:
            return f"there is no account {rule.login}"
        if rule.kind == "other" and rule.request is None:
            return "give the request that somebody else sends"
        return None

    def close(self) -> None:
        """Let the journals go."""
        for journal in self._journals:
            journal.close()

    def _account(self, login: int, folder: Path | None) -> Account:
        if folder is None:
            ledger = opened(login, self.settings.terms, self.now_ms())
            return Account(self.market, ledger, _forget)
        header = Header(MODEL, self.settings.digest(), self.now_ms())
        journal = Journal(folder / f"{login}.journal", header)
        self._journals.append(journal)
        ledger = opened(login, self.settings.terms, journal.header.opened_ms)
        account = Account(self.market, ledger, journal.append)
        for record in journal.records:
            account.replay(*record)
        journal.records = ()
        return account


def _forget(_at_ms: int, _request: TradeRequest, _manner: Manner) -> None:
    """A broker without a folder remembers nothing."""
