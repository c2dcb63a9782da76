"""The simulated terminal in this process."""

from typing import Any

from infra.mt5.constants import RES_E_INTERNAL_FAIL_CONNECT, RES_E_INTERNAL_FAIL_INIT
from infra.mt5.link import Called, CallError, LinkLostError
from infra.mt5.package import Package
from infra.mt5.simulator.broker import Broker
from infra.mt5.simulator.quotes import Quotes
from infra.mt5.simulator.session import Session

NO_LINK = CallError(RES_E_INTERNAL_FAIL_CONNECT, "No IPC connection")


class DirectLink:
    """A session of a broker in this process. `reachable` takes the terminal away in a test."""

    def __init__(self, broker: Broker, login: int) -> None:
        self._broker = broker
        self._login = login
        self._session: Session | None = None
        self.reachable = True

    def open(self, timeout_ms: int) -> None:
        """Begin a session; it waits for nothing, so that the limit does not matter."""
        del timeout_ms
        if not self.reachable:
            raise CallError(RES_E_INTERNAL_FAIL_INIT, "IPC initialize failed")
        quotes = Quotes(self._broker.market, self._broker.settings.terms.currency)
        self._session = Session(self._broker, quotes, self._login)

    def call(self, function: str, *arguments: Any) -> Any:
        """The session's answer."""
        if self._session is None:
            raise NO_LINK
        try:
            return self._session.call(function, *arguments)
        except LinkLostError:
            self._session = None
            raise

    def ahead(self, *calls: Called) -> None:
        """Nothing is gained: a call has no way to go."""

    def life(self) -> str:
        """There is no agent before it."""
        return ""

    def close(self) -> None:
        """End the session."""
        self._session = None


def simulated_terminal(broker: Broker, login: int) -> Package:
    """A terminal of this broker that remembers one account, not initialised yet."""
    return Package(DirectLink(broker, login))
