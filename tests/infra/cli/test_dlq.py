"""A record that nobody can use holds what follows of its key, until a person has ruled about it."""

from __future__ import annotations

import argparse
import getpass
import json

import pytest
from psycopg.errors import UndefinedTable
from psycopg.sql import SQL, Identifier

from events.accounts import AccountOpened
from events.letters import LetterDiscarded, LetterReleased
from infra.cli import dlq
from infra.config import Config, ConfigError
from infra.run import loop, projections
from infra.run.intake import Intake
from infra.store import postgres, read_models
from infra.store.event_store import EventStore
from infra.stream import kafka, wire
from infra.stream.schema_ids import SchemaIds
from infra.stream.wire import Record
from infra.subjects.register import Register
from tests.infra import effects
from tests.infra.at_work import listening, running, until
from tests.infra.effects import TOO_MUCH, TOPIC, consume, rows
from tests.infra.halting import ACCOUNTS, halted, has, tell
from tests.infra.tape_writer import write, write_raw
from tests.projections.books import accounts

NUMBERED = ["0", "1", "2"]


@pytest.fixture
def tape(config: Config) -> Config:
    """A configuration with topics, and a table for the effects."""
    kafka.ensure_topics(config)
    postgres.migrate(effects.address(config), effects.DDL)
    return config


@pytest.fixture
def ids(config: Config) -> SchemaIds:
    return SchemaIds(config)


def asked(config: Config, *arguments: str) -> int:
    parser = argparse.ArgumentParser()
    dlq.configure(parser)
    return dlq.main(config, parser.parse_args(arguments))


def torn(config: Config, ids: SchemaIds, account: str) -> None:
    """A halt whose value was cut off."""
    whole = wire.write(halted(account, "1", 1), ids)
    write_raw(config, TOPIC, whole.key, whole.value[:7], whole.headers)


def letter(config: Config, ids: SchemaIds, count: int = 1) -> str:
    """The name of the letter that came last, once there are so many."""
    with listening(config, ids, "dead-letters") as letters:
        until(lambda: letters.has(count))
        event = letters.heard()[-1].event
    return f"{event.topic}/{event.partition}/{event.offset}"


def of(config: Config, account: str) -> list[str]:
    return [reason for name, reason in rows(config) if name == account]


def test_a_torn_record_is_made_whole_and_read_in_its_place(
    tape: Config, ids: SchemaIds, capsys: pytest.CaptureFixture[str]
) -> None:
    tell(tape, ids, 0, 1)
    torn(tape, ids, "a")
    tell(tape, ids, 2, 1)
    with running(consume, tape):
        name = letter(tape, ids)
        assert asked(tape, "list") == 0
        assert name in capsys.readouterr().out
        assert asked(tape, "show", name) == 0
        shown = json.loads(capsys.readouterr().out)
        assert shown["reads_as"].startswith("Undecodable: AccountHalted")
        assert (shown["state"], shown["headers"]["ce_type"]) == ("open", "tapedeck.AccountHalted")
        assert asked(tape, "release", name, "as it is") == 1
        assert "is not whole yet: Undecodable: AccountHalted" in capsys.readouterr().err
        given = ("--written-as", "AccountHalted", "--set", "account=b", "--set", 'reason="1"')
        assert asked(tape, "release", name, "of another", *given) == 1
        assert "order is kept per key" in capsys.readouterr().err
        assert of(tape, "a") == ["0"]  # what follows of its key waits
        given = ("--written-as", "AccountHalted", "--set", "account=a", "--set", 'reason="1"')
        assert asked(tape, "release", name, "torn by hand", *given) == 0
        assert "is in every answer to ?min_position=" in capsys.readouterr().out
        until(lambda: has(tape, 9))
    assert of(tape, "a") == NUMBERED
    assert asked(tape, "list") == 0
    capsys.readouterr()
    assert asked(tape, "list", "--all") == 0
    assert "released" in capsys.readouterr().out
    assert asked(tape, "discard", name, "too late for those who read it") == 0

    with EventStore.open(postgres.address(tape.postgres, tape.namespace)) as store:
        _, told = store.load(f"letters:{name}")
    with listening(tape, ids, "dead-letters") as letters:
        until(lambda: letters.has(1))
        cause = letters.heard()[0].envelope.message_id
    assert [type(m.event) for m in told] == [LetterReleased, LetterDiscarded]
    opened = Register(tape.home).opened
    assert {opened(m.envelope.actor) for m in told} == {f"operator/{getpass.getuser()}"}
    assert {m.envelope.causation_id for m in told} == {cause}


def test_who_reads_later_reads_what_was_released(tape: Config, ids: SchemaIds) -> None:
    torn(tape, ids, "a")
    with running(consume, tape):
        given = ("--written-as", "AccountHalted", "--set", "account=a", "--set", 'reason="1"')
        assert asked(tape, "release", letter(tape, ids), "torn", *given) == 0
        until(lambda: has(tape, 1))
    with postgres.connect(effects.address(tape)) as session:
        session.execute("delete from offsets")
        session.execute("delete from marks")
    with running(consume, tape):
        until(lambda: has(tape, 2))
    assert of(tape, "a") == ["1", "1"]


def test_a_release_that_does_not_help_holds_and_a_discard_goes_on(
    tape: Config, ids: SchemaIds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "ATTEMPT_AGAIN_S", 0.01)
    tell(tape, ids, 0, 1)
    write(tape, ids, [halted("a", TOO_MUCH, 1)])
    tell(tape, ids, 2, 1)
    with running(consume, tape):
        name = letter(tape, ids)
        assert asked(tape, "release", name, "try again") == 0
        assert letter(tape, ids, 2) == name  # tried, and held again
        assert of(tape, "a") == ["0"]
        assert asked(tape, "release", name, "less", "--set", "reason=less") == 0
        until(lambda: len(of(tape, "a")) == 3)
    assert of(tape, "a") == ["0", "less", "2"]

    write(tape, ids, [halted("a", TOO_MUCH, 3), halted("a", "4", 4)])
    with running(consume, tape):
        until(lambda: letter(tape, ids, 3) != name)
        second = letter(tape, ids, 3)
        assert asked(tape, "discard", second, "beyond repair") == 0
        until(lambda: len(of(tape, "a")) == 4)
        assert asked(tape, "discard", second, "again") == 0
        assert asked(tape, "release", second, "now", "--set", "reason=small") == 1
    assert of(tape, "a") == ["0", "less", "2", "4"]
    assert {account: len(of(tape, account)) for account in ACCOUNTS[1:]} == dict.fromkeys("bcd", 2)


def test_a_market_topic_has_gone_on(
    tape: Config, ids: SchemaIds, capsys: pytest.CaptureFixture[str]
) -> None:
    record = Record("market-data-events", 0, 0, b"EURUSD", b"torn", ())
    with postgres.connect(effects.address(tape)) as session:
        Intake(tape, "somebody", ids, session).set_aside(record, ValueError("torn"))
    name = "market-data-events/0/0"
    with pytest.raises(ConfigError, match="went on without it"):
        asked(tape, "release", name, "late")
    assert asked(tape, "discard", name, "seen") == 0
    capsys.readouterr()
    assert asked(tape, "list") == 0
    assert name not in capsys.readouterr().out
    with pytest.raises(ConfigError, match="no letter order-events/0/0"):
        asked(tape, "show", "order-events/0/0")


def test_a_read_model_goes_on_behind_what_was_discarded(tape: Config, ids: SchemaIds) -> None:
    write_raw(tape, TOPIC, b"90001", b"no frame at all")
    written = write(tape, ids, accounts())
    opened = sorted({m.key for m in written if isinstance(m.event, AccountOpened)})
    with running(projections.run, tape):
        assert asked(tape, "discard", letter(tape, ids), "nobody's") == 0
        until(lambda: _shown(tape) == opened)


def _shown(config: Config) -> list[str]:
    schema = read_models.read_schema(postgres.address(config.postgres, config.namespace))
    select = SQL("select account from {} order by 1").format(Identifier(schema, "accounts"))
    with postgres.connect(postgres.address(config.postgres, config.namespace)) as session:
        try:
            return [account for (account,) in session.execute(select)]
        except UndefinedTable:
            return []
