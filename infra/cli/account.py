"""`tapedeck account`: what a person wants of an account, as a command on the tape.

The command is put on its topic like any other, under the name of whoever gave it, and what was
decided is waited for. Nothing but the decision counts: until it is there, nothing has changed.
"""

from __future__ import annotations

import argparse
import getpass
import sys
import time
from argparse import ArgumentTypeError
from decimal import InvalidOperation
from math import nan
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaException
from msgspec.structs import asdict

from commands.accounts import ACCOUNTS, HaltAccount, RecordRotation, ResumeAccount
from commands.limits import LIMITS, SetLimits
from events.envelope import Message, Position, first_cause
from events.limits import LimitsSet
from events.values import Lots, lots
from infra.cli import check
from infra.cli.receipt import receipt
from infra.config import Config, ConfigError
from infra.mt5.accounts import login_of
from infra.mt5.agent import keys
from infra.run.commands import CONSUMER
from infra.secrets import private
from infra.secrets.asking import new_passphrase
from infra.secrets.provider import PROVIDERS, SecretsError
from infra.secrets.vault import vault
from infra.store import offsets, postgres
from infra.store.event_store import EventStore
from infra.stream import kafka, wire
from infra.stream.schema_ids import SchemaIds
from infra.subjects.operator import Operator, logged_in
from infra.subjects.register import Register
from schemas.catalog import key_of

DECISION_S = 15.0
LOOK_S = 0.1

Wish = HaltAccount | ResumeAccount | SetLimits | RecordRotation


def configure(parser: argparse.ArgumentParser) -> None:
    """An account, and what is wanted of it; without that, how it stands."""
    parser.add_argument("account", metavar="NAME", help="one of TAPEDECK_ACCOUNTS")
    wishes = parser.add_subparsers(
        dest="wish", metavar="WISH", prog=f"{parser.prog} NAME", help="else: tell how it stands"
    )
    halt = wishes.add_parser("halt", help="no new risk from now on; positions can be closed")
    resume = wishes.add_parser("resume", help="risk is allowed again")
    for each in (halt, resume):
        each.add_argument("reason", help="for whoever reads the tape later")
    credential = wishes.add_parser("credential", help="seal a password anew, for a day")
    credential.add_argument("--provider", choices=PROVIDERS, default=PROVIDERS[0])
    credential.add_argument(
        "--passphrase", action="store_true", help="of a file: sealed by one, not by the key file"
    )
    credential.add_argument("--server", default="", help="the broker's, if it is not the usual")
    bundle = wishes.add_parser("keys", help="the keys of its agent, for another machine")
    bundle.add_argument("-o", "--output", type=Path, required=True, metavar="FILE")
    check.configure(wishes.add_parser("check", help="what would become of signals; sends nothing"))
    limits = wishes.add_parser("limits", help="change some of the limits, keep the others")
    limits.add_argument("--volume-lots-max", type=_lots, metavar="LOTS", help="of one order")
    limits.add_argument("--open-lots-max", type=_lots, metavar="LOTS", help="of all positions")
    limits.add_argument("--open-positions-max", type=_count, metavar="N")
    limits.add_argument(
        "--confidence-min", type=_share, metavar="SHARE", help="of a signal: 0 to 1"
    )
    limits.add_argument("--signal-age-ms-max", type=_count, metavar="MS")
    limits.add_argument("--quote-age-ms-max", type=_count, metavar="MS")
    limits.add_argument("--symbols", type=_symbols, metavar="A,B", help="those that may be traded")


def main(config: Config, arguments: argparse.Namespace) -> int:
    """Say how an account stands, or have a command decided."""
    account = arguments.account
    if account not in config.accounts:
        raise ConfigError(f"no account {account!r}; there are {', '.join(config.accounts)}")
    if arguments.wish == "check":
        return check.main(config, arguments)
    if arguments.wish == "keys":
        return exported(config, account, arguments.output)
    register = Register(config.home)
    with EventStore.open(postgres.address(config.postgres, config.namespace)) as store:
        if arguments.wish is None:
            print(told(store, account, register))
            return 0
        who = logged_in(config)
        if arguments.wish == "credential":
            wish: Wish = rotated(config, arguments)
        else:
            wish = wished(arguments, store.state(LIMITS, account).latest, who)
        place = _published(config, given(wish, who))
        if not _decided(config, place):
            print(
                f"not decided in {DECISION_S:.0f} s: is the role `commands` at work? "
                f"The command is on the tape at {place} and will be decided",
                file=sys.stderr,
            )
            return 1
        print(told(store, account, register))
        print(receipt(f"{place}"))
    return 0


def wished(arguments: argparse.Namespace, latest: LimitsSet | None, who: Operator) -> Wish:
    """The command that the arguments mean; `ConfigError` if there is nothing to change."""
    account = arguments.account
    if arguments.wish == "halt":
        return HaltAccount(account=account, reason=who.seal(arguments.reason))
    if arguments.wish == "resume":
        return ResumeAccount(account=account, reason=who.seal(arguments.reason))
    if latest is None:
        raise ConfigError(f"{account} has no limits yet; run `tapedeck bootstrap` first")
    kept = {name: value for name, value in asdict(latest).items() if name != "version"}
    new = {name: value for name in kept if (value := getattr(arguments, name)) is not None}
    return SetLimits(**{**kept, **new})


def rotated(config: Config, arguments: argparse.Namespace) -> RecordRotation:
    """The password from the terminal, or from a pipe, sealed; what is recorded does not hold it."""
    private.no_dumps()
    try:
        by = new_passphrase(arguments.account) if arguments.passphrase else None
    except SecretsError as wrong:
        raise ConfigError(str(wrong)) from wrong
    asked = getpass.getpass(f"password of {arguments.account}: ") if sys.stdin.isatty() else None
    password = sys.stdin.readline().rstrip("\r\n") if asked is None else asked
    if not password:
        raise ConfigError("no password was given; type it, or give it on standard input")
    try:
        kept = vault(arguments.provider, config.home, None if by is None else lambda: by)
        sealed = kept.rotate(arguments.account, password, arguments.server)
    except SecretsError as wrong:
        raise ConfigError(str(wrong)) from wrong
    return RecordRotation(
        account=arguments.account, provider=kept.provider, lease_until_us=sealed.lease_until_us
    )


def exported(config: Config, account: str, output: Path) -> int:
    """Write what another machine needs for the account's agent, and no more."""
    login = login_of(account)
    try:
        private.write_new(output, keys.bundle(config.home / "keys", login))
    except (SecretsError, OSError) as wrong:
        raise ConfigError(str(wrong)) from wrong
    print(f"{output} lets a machine serve {account}: carry it there by a way that you trust, run")
    print(f"  tapedeck run agent {account} --keys {output.name} --listen HOST:PORT")
    print(f"and name {account}=HOST:PORT in TAPEDECK_AGENTS here")
    return 0


def given(wish: Wish, who: Operator) -> Message[Wish]:
    """The command, in somebody's name. It repeats no other: its source is new."""
    return first_cause(
        wish,
        source=who.source(),
        sequence=f"{1:016d}",
        key=key_of(wish),
        time_us=time.time_ns() // 1_000,
        actor=who.actor,
    )


def told(store: EventStore, account: str, register: Register) -> str:
    """How an account stands, in a few lines."""
    state, limits = store.state(ACCOUNTS, account), store.state(LIMITS, account).latest
    halted = "; ".join(sorted(map(register.opened, state.halted_for)))
    lines = [f"{account}: {f'HALTED: {halted}' if halted else 'may take risk'}"]
    if state.reported is not None:
        report = state.reported
        lines.append(
            f"  balance {report.balance}, equity {report.equity}, margin {report.margin}, "
            f"{report.open_positions} positions of {report.open_lots} lots"
        )
    if limits is not None:
        lines.append(f"  limits, version {limits.version}:")
        for name, value in asdict(limits).items():
            if name not in ("account", "version"):
                shown = ",".join(value) if isinstance(value, tuple) else value
                lines.append(f"    {name} {shown}")
    return "\n".join(lines)


def _decided(config: Config, place: Position) -> bool:
    """Wait until the deciders have gone past a command."""
    conninfo = postgres.address(config.postgres, config.namespace)
    deadline_s = time.monotonic() + DECISION_S
    postgres.migrate(conninfo, *offsets.DDL)
    with postgres.connect(conninfo) as connection:
        while time.monotonic() < deadline_s:
            reached = offsets.reached(connection, CONSUMER, place.topic, place.partition)
            if reached > place.offset:
                return True
            time.sleep(LOOK_S)
    return False


def _published(config: Config, command: Message[Wish]) -> Position:
    """Where it stands on the tape, once that is acknowledged: the receipt.

    What it causes cannot be known here yet, and stands where a relay will put it. But whoever knows
    where the command stands can wait for all that.
    """
    record = wire.write(command, SchemaIds(config))
    reports: list[Any] = []
    producer = kafka.producer(config)
    producer.produce(
        kafka.topic_name(config, record.topic),
        record.value,
        record.key,
        headers=list(record.headers),
        on_delivery=lambda error, stored: reports.append((error, stored)),
    )
    producer.flush(DECISION_S)
    error, stored = reports[0] if reports else ("no acknowledgement", None)
    if error or stored is None:
        raise KafkaException(error)
    return Position(record.topic, stored.partition(), stored.offset())


def _lots(text: str) -> Lots:
    try:
        return lots(text)
    except (InvalidOperation, ValueError):
        raise ArgumentTypeError(f"{text!r} is no volume; give lots, such as 0.05") from None


def _count(text: str) -> int:
    if not text.isdecimal():
        raise ArgumentTypeError(f"{text!r} is no count; give 0 or more")
    return int(text)


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = nan
    if not 0 <= share <= 1:
        raise ArgumentTypeError(f"{text!r} is no share; give 0 to 1")
    return share


def _symbols(text: str) -> tuple[str, ...]:
    return tuple(symbol for symbol in text.split(",") if symbol)
