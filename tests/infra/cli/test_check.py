"""A person asks beforehand what would become of signals; nothing is sent."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from commands.accounts import ACCOUNTS, HaltAccount, OpenAccount, ReportAccount
from commands.command import Command
from commands.decider import Decider
from commands.limits import LIMITS
from events.envelope import first_cause
from events.values import lots, money
from infra.cli import account as cli_account
from infra.config import Config, ConfigError
from infra.embedded.process import free_ports
from infra.mt5 import constants as mt5
from infra.mt5.remote import RemoteTerminal
from infra.mt5.simulator.settings import SERVER
from infra.run import venue
from infra.store import postgres as pg
from infra.store.event_store import EventStore
from tests.infra.at_work import running, until
from tests.infra.mt5.desk import WIDE

ACCOUNT = "90001"


def asked(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    cli_account.configure(parser)
    return parser.parse_args([ACCOUNT, "check", *arguments])


@pytest.fixture
def config(postgres: str, tmp_path: Path) -> Config:
    given = {"HOME": tmp_path, "POSTGRES": postgres, "PORT_VENUE": free_ports(1)[0]}
    return Config.load({f"TAPEDECK_{name}": str(value) for name, value in given.items()})


@pytest.fixture
def terminal(config: Config) -> Iterator[RemoteTerminal]:
    """The account's, for the test's own eyes."""
    with running(venue.run, config):
        made = RemoteTerminal(config.venue, ACCOUNT)
        until(made.initialize)
        yield made
        made.shutdown()


def say(config: Config, *wishes: tuple[Decider[Any, Any, Any], Command]) -> None:
    with EventStore.open(pg.address(config.postgres, config.namespace)) as store:
        for number, (decider, wish) in enumerate(wishes):
            name = f"test/{type(wish).__name__}"
            store.handle(
                decider,
                first_cause(wish, source=name, sequence=str(number), key=ACCOUNT, time_us=1),
            )


def opened(config: Config) -> None:
    books = ReportAccount(
        account=ACCOUNT,
        balance=money(9),
        equity=money(9),
        margin=money(0),
        open_lots=lots(0),
        open_positions=0,
        reported_at_us=1,
    )
    say(
        config,
        (ACCOUNTS, OpenAccount(account=ACCOUNT, login=90001, server=SERVER, currency="USD")),
        (ACCOUNTS, books),
        (LIMITS, WIDE),
    )


def written(tmp_path: Path, *signals: dict[str, Any]) -> str:
    file = tmp_path / "signals.jsonl"
    file.write_text("\n".join(json.dumps(signal) for signal in signals) + "\n\n")
    return str(file)


def signal(terminal: RemoteTerminal, **fields: Any) -> dict[str, Any]:
    tick = terminal.symbol_info_tick("EURUSD")
    assert tick is not None
    plain = {"symbol": "EURUSD", "side": "buy", "confidence": 1.0, "price_reference": tick.ask}
    return {**plain, "stop_distance": 0.01, **fields}


def test_each_signal_gets_its_verdict_and_nothing_is_sent(
    config: Config,
    terminal: RemoteTerminal,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    opened(config)
    signals = (
        signal(terminal, signal_id="good"),
        signal(terminal, confidence=0.1),
        signal(terminal, symbol="USDJPY"),
        signal(terminal, price_reference=2.0),
        signal(terminal, expires_at_us=1, raised_at_us=1),
    )
    assert cli_account.main(config, asked(written(tmp_path, *signals))) == 1
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("good EURUSD buy: goes: buy 1.0 lots at 1.")
    assert ", sl 1." in told[0]
    assert "does not go: confidence_min 0.5, observed 0.1" in told[1]
    assert "does not go: symbols EURUSD,GBPUSD,AUDUSD, observed USDJPY" in told[2]
    assert "away from 2.0" in told[3]
    assert "its time was over" in told[4]
    assert terminal.positions_get() == ()
    assert cli_account.main(config, asked("--margin", written(tmp_path, signals[0]))) == 0


def test_the_broker_is_asked_about_margin_if_wanted(
    config: Config,
    terminal: RemoteTerminal,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    opened(config)
    say(config, (LIMITS, replace(WIDE, volume_lots_max=lots(50), open_lots_max=lots(100))))
    asks = signal(terminal)
    file = written(tmp_path, asks)
    request = {"action": 1, "symbol": "EURUSD", "type": 0, "volume": 50.0, "deviation": 99}
    answer = terminal.order_send({**request, "price": asks["price_reference"]})
    assert answer is not None
    assert answer.retcode == mt5.TRADE_RETCODE_DONE
    assert cli_account.main(config, asked(file)) == 0
    assert cli_account.main(config, asked(file, "--margin")) == 1
    assert "the broker's check says NO_MONEY: margin " in capsys.readouterr().out


def test_an_account_that_is_halted_or_away_follows_nothing(
    config: Config,
    terminal: RemoteTerminal,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = written(tmp_path, signal(terminal))
    assert cli_account.main(config, asked(file)) == 1
    assert "does not go: not opened" in capsys.readouterr().out
    opened(config)
    say(config, (ACCOUNTS, HaltAccount(account=ACCOUNT, reason="news")))
    assert cli_account.main(config, asked(file)) == 1
    assert "does not go: halted" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{}", "line 1: Object missing required field `symbol`"),
        ("EURUSD", "line 1: "),
        ('{"symbol":"EURUSD","side":"up","confidence":1,"price_reference":1}', "Invalid enum"),
    ],
)
def test_what_is_no_signal_is_named(tmp_path: Path, postgres: str, line: str, words: str) -> None:
    config = Config.load({"TAPEDECK_POSTGRES": postgres, "TAPEDECK_HOME": str(tmp_path)})
    file = tmp_path / "signals.jsonl"
    file.write_text(line)
    with pytest.raises(ConfigError, match=words):
        cli_account.main(config, asked(str(file)))
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        cli_account.main(config, asked(str(tmp_path / "none")))
