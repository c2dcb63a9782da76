"""The paper venue that a configuration asks for."""

from infra.config import Config, ConfigError
from infra.mt5.accounts import login_of
from infra.mt5.simulator.settings import BrokerSettings, MarketSettings, symbols_named


def broker_settings(config: Config) -> BrokerSettings:
    """The venue that a configuration asks for: a local platform trades on Sundays too."""
    try:
        symbols = symbols_named(config.symbols)
    except ValueError as error:
        raise ConfigError(f"TAPEDECK_SYMBOLS: {error}") from error
    try:
        return BrokerSettings(
            logins=tuple(login_of(account) for account in config.accounts),
            market=MarketSettings(seed=config.seed, symbols=symbols),
        )
    except ValueError as error:
        raise ConfigError(f"TAPEDECK_ACCOUNTS: {error}") from error
