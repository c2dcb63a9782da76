"""The role `venue`: the paper venue, its books under the home folder."""

import logging
from pathlib import Path
from threading import Event

import msgspec
from prometheus_client import Counter, Gauge

from infra import collector
from infra.config import Config, ConfigError
from infra.mt5.paper import broker_settings
from infra.mt5.simulator.broker import MODEL, Broker
from infra.mt5.simulator.clock import RealClock
from infra.mt5.simulator.journal import Header, JournalError
from infra.mt5.venue import VenueServer

ADVANCE_EVERY_S = 1.0
OPEN_POSITIONS = Gauge("tapedeck_venue_positions", "Open positions", ("account",))
EQUITY = Gauge("tapedeck_venue_equity", "Equity in account currency", ("account",))
DEALS = Gauge("tapedeck_venue_deals", "Deals since the account was opened", ("account",))
LOOKS = Counter("tapedeck_venue_looks_total", "Times all books were brought to now")

log = logging.getLogger(__name__)


def run(config: Config, stop: Event) -> None:
    """Serve until told to stop. A book that cannot be written ends the role."""
    config.may_reach_terminals()
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
    folder = config.home / "venue" / "journal"
    if (written := _another_model(folder)) is not None:
        raise ConfigError(
            f"{folder} was written by model {written} of the simulated broker, this is model "
            f"{MODEL}, which deals otherwise; to open the accounts anew, move it away: "
            f"`mv {folder.name} {folder.name}-{written}` in {folder.parent}"
        )
    try:
        return Broker(broker_settings(config), RealClock(), folder)
    except JournalError as error:
        raise ConfigError(str(error)) from error


def _another_model(folder: Path) -> int | None:
    """The model under which an account's book begins, if it is not ours."""
    for file in sorted(folder.glob("*.journal")):
        with file.open("rb") as book:
            size = int.from_bytes(book.read(8)[:4], "big")
            head = book.read(size)
        try:
            model = msgspec.msgpack.decode(head, type=Header).model
        except msgspec.MsgspecError:
            continue  # a book that is torn or damaged is judged by whoever opens it
        if model != MODEL:
            return model
    return None


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
