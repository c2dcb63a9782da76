"""The role `venue`: the paper venue, its books under the home folder."""

from threading import Event

from infra.config import Config
from infra.mt5.accounts import login_of
from infra.mt5.simulator.broker import Broker
from infra.mt5.simulator.clock import RealClock
from infra.mt5.simulator.settings import BrokerSettings, MarketSettings, symbols_named
from infra.mt5.venue import VenueServer

_ADVANCE_EVERY_S = 1.0


def run(config: Config, stop: Event) -> None:
    """Serve until told to stop. A book that cannot be written ends the role."""
    broker = Broker(broker_settings(config), RealClock(), config.home / "venue" / "journal")
    host, _, port = config.venue.rpartition(":")
    server = VenueServer(broker, host, int(port))
    try:
        while not stop.wait(_ADVANCE_EVERY_S) and server.failure is None:
            broker.advance()
    finally:
        server.close()
        broker.close()
    if server.failure is not None:
        raise server.failure


def broker_settings(config: Config) -> BrokerSettings:
    """The venue that a configuration asks for: a local platform trades on Sundays too."""
    return BrokerSettings(
        logins=tuple(login_of(account) for account in config.accounts),
        market=MarketSettings(seed=config.seed, symbols=symbols_named(config.symbols)),
    )
