"""The role `venue`: the paper venue, its books under the home folder."""

import logging
from threading import Event

from prometheus_client import Counter, Gauge

from infra import collector
from infra.config import Config, ConfigError
from infra.mt5.paper import broker_settings
from infra.mt5.simulator.broker import Broker
from infra.mt5.simulator.clock import RealClock
from infra.mt5.simulator.journal import JournalError
from infra.mt5.venue import VenueServer

ADVANCE_EVERY_S = 1.0
OPEN_POSITIONS = Gauge("tapedeck_venue_positions", "Open positions", ("account",))
EQUITY = Gauge("tapedeck_venue_equity", "Equity in account currency", ("account",))
DEALS = Gauge("tapedeck_venue_deals", "Deals since the account was opened", ("account",))
LOOKS = Counter("tapedeck_venue_looks_total", "Times all books were brought to now")

log = logging.getLogger(__name__)


def run(config: Config, stop: Event) -> None:
    """Serve until told to stop. A book that cannot be written ends the role."""
    broker = opened(config)
    collector.relax()
    server = listening(config, broker)
    log.info("venue serves %d accounts at %s", len(broker.accounts), server.address)
    try:
        while not stop.wait(ADVANCE_EVERY_S) and server.failure is None:
            broker.advance()
            measure(broker)
    finally:
        server.close()
        broker.close()
    if server.failure is not None:
        raise server.failure


def opened(config: Config) -> Broker:
    """The broker with the books that it had. Rebuilding them is the start."""
    try:
        return Broker(broker_settings(config), RealClock(), config.home / "venue" / "journal")
    except JournalError as error:
        raise ConfigError(str(error)) from error


def listening(config: Config, broker: Broker) -> VenueServer:
    """The broker behind its port."""
    host, _, port = config.venue.rpartition(":")
    try:
        return VenueServer(broker, host, int(port))
    except OSError as error:
        broker.close()
        raise ConfigError(
            f"TAPEDECK_PORT_VENUE is {port}; {error.strerror}, give another port"
        ) from error


def measure(broker: Broker) -> None:
    """Show each account in the metrics."""
    LOOKS.inc()
    for login, account in broker.accounts.items():
        with account.lock:
            figures, ledger = account.worth(), account.ledger
            OPEN_POSITIONS.labels(login).set(len(ledger.positions))
            EQUITY.labels(login).set(figures.equity)
            DEALS.labels(login).set(len(ledger.deals))
