"""What a tape needs before roles work on it. Doing it again changes nothing.

Topics and schemas; accounts with their limits, and a halt for those that are traded no more; and a
model that predicts, if there is none yet.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from msgspec.structs import asdict

from commands.accounts import ACCOUNTS, Account, HaltAccount, OpenAccount, ResumeAccount
from commands.limits import LIMITS, SetLimits
from events.envelope import Message, first_cause
from events.limits import LimitsSet
from events.models import ModelPromoted
from events.values import lots
from infra.config import Config
from infra.mt5.accounts import login_of
from infra.mt5.gateway import tables
from infra.mt5.simulator.settings import SERVER
from infra.store import postgres
from infra.store.event_store import EventStore
from infra.stream import kafka
from infra.stream.schema_ids import SchemaIds
from schemas.catalog import key_of

BROKER_PATIENCE_S = 60.0
LOG_BATCH = 1_000
ACTOR = "bootstrap"
CURRENCY = "USD"
VOLUME_LOTS_MAX = Decimal("0.50")
OPEN_LOTS_MAX = Decimal("20.00")
OPEN_POSITIONS_MAX = 60
CONFIDENCE_MIN = 0.5
SIGNAL_AGE_MS_MAX = 5_000
UNATTENDED = "it is not one of TAPEDECK_ACCOUNTS: nobody trades it"
ATTENDED = "it is one of TAPEDECK_ACCOUNTS again"


def prepare(config: Config) -> None:
    """Make the tape ready, saying what is done."""
    kafka.await_broker(config, BROKER_PATIENCE_S)
    kafka.ensure_topics(config)
    SchemaIds(config).register_all()
    print("topics and schemas are there", flush=True)
    store = EventStore.open(postgres.address(config.postgres, config.namespace))
    _prepare_accounts(config, store)
    _halt_strangers(config, store)
    print(f"{len(config.accounts)} accounts have limits", flush=True)
    _give_a_model(config, store)


def opened(config: Config) -> Iterator[OpenAccount]:
    """The accounts of the configuration."""
    for account in config.accounts:
        yield OpenAccount(
            account=account, login=login_of(account), server=SERVER, currency=CURRENCY
        )


def limited(config: Config, account: str, before: LimitsSet | None) -> SetLimits | None:
    """The limits of a beginner; later only symbols that are new. What a person set stays set."""
    if before is None:
        return SetLimits(
            account=account,
            volume_lots_max=lots(VOLUME_LOTS_MAX),
            open_lots_max=lots(OPEN_LOTS_MAX),
            open_positions_max=OPEN_POSITIONS_MAX,
            confidence_min=CONFIDENCE_MIN,
            signal_age_ms_max=SIGNAL_AGE_MS_MAX,
            symbols=config.symbols,
        )
    new = tuple(symbol for symbol in config.symbols if symbol not in before.symbols)
    if not new:
        return None
    kept = {name: value for name, value in asdict(before).items() if name != "version"}
    return SetLimits(**{**kept, "symbols": (*before.symbols, *new)})


def _prepare_accounts(config: Config, store: EventStore) -> None:
    for command in opened(config):
        store.handle(ACCOUNTS, _wish(command, ""))
        version, told = store.load(f"{LIMITS.name}:{command.account}")
        before = told[-1].event if told else None
        limits = limited(config, command.account, before)
        if limits is not None:
            store.handle(LIMITS, _wish(limits, f".{version + 1}"))


def _halt_strangers(config: Config, store: EventStore) -> None:
    """No saga counts on an account that this copy trades no more; one that is back may trade."""
    conninfo = postgres.address(config.postgres, config.namespace)
    postgres.migrate(conninfo, *tables.DDL)
    with postgres.connect(conninfo) as connection:
        known = [account for (account,) in connection.execute(tables.ACCOUNTS)]
    for account in known:
        version, _ = store.load(f"{ACCOUNTS.name}:{account}")
        wish = attended(config, account, store.state(ACCOUNTS, account))
        if wish is not None:
            store.handle(ACCOUNTS, _wish(wish, f".{version + 1}"))
            print(f"account {account}: {wish.reason}", flush=True)


def attended(config: Config, account: str, state: Account) -> HaltAccount | ResumeAccount | None:
    """What follows for an account from the configuration alone; nothing, mostly."""
    if account not in config.accounts:
        known = UNATTENDED in state.halted_for
        return None if known else HaltAccount(account=account, reason=UNATTENDED)
    if state.halted_for == {UNATTENDED}:
        return ResumeAccount(account=account, reason=ATTENDED)
    return None


def _give_a_model(config: Config, store: EventStore) -> None:
    from infra.models import training  # learning libraries load only where one is needed
    from infra.up import first_model

    if _predicts(store):
        return
    print("no model yet: training one on the simulated market's history", flush=True)
    course = first_model.course(config, time.time_ns() // 1_000_000)
    training.kept(config, course, promote=True)
    print(f"model {course.report.model} is promoted")


def _predicts(store: EventStore) -> bool:
    """Whether any model was ever promoted, read from the log: a name is free to choose."""
    last = 0
    while entries := store.after(last, LOG_BATCH):
        if any(e.message and isinstance(e.message.event, ModelPromoted) for e in entries):
            return True
        last = entries[-1].id
    return False


def _wish(command: Any, version: str) -> Message[Any]:
    kind = f"{type(command).__name__}{version}"
    return first_cause(
        command,
        source=ACTOR,
        sequence=kind,
        key=key_of(command),
        time_us=time.time_ns() // 1000,
        actor=ACTOR,
    )
