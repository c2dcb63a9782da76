"""What a run has left behind: the tape, the venue's books, the event store and the read models."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg

from events.envelope import Event, Message
from infra.config import Config
from infra.mt5 import constants as mt5
from infra.mt5.remote import RemoteTerminal
from infra.mt5.terminal import Terminal
from infra.mt5.tuples import TradeDeal, TradePosition
from infra.store import postgres, read_models
from infra.store.event_store import EventStore
from infra.stream import kafka, tape, wire
from infra.stream.schema_ids import SchemaIds
from schemas.catalog import TOPICS

LOG_BATCH = 1_000
REPORTS = "account-events"
FAR_FUTURE_S = 2**31 - 1

Quote = tuple[int, float, float]
"""Milliseconds, bid, ask."""


@dataclass(frozen=True, slots=True)
class Tape:
    """All messages by topic in order of partition and offset, and those that are no repeats."""

    raw: dict[str, list[Message[Any]]]
    once: dict[str, list[Message[Any]]]

    def events(self, *kinds: type[Event]) -> list[Any]:
        """The events of these classes, each once."""
        return [
            message.event
            for messages in self.once.values()
            for message in messages
            if isinstance(message.event, kinds)
        ]

    @property
    def repeats(self) -> int:
        """Records that readers recognise and drop."""
        return sum(len(self.raw[topic]) - len(self.once[topic]) for topic in self.raw)


@dataclass(frozen=True, slots=True)
class Books:
    """What the venue said of an account at a moment (UTC microseconds)."""

    at_us: int
    positions: tuple[TradePosition, ...]
    deals: tuple[TradeDeal, ...]
    balance: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that the checks look at."""

    tape: Tape
    log: list[Message[Any]]
    quotes: dict[str, list[Quote]]
    books: dict[str, Books]
    tables: dict[str, list[tuple[Any, ...]]] = field(default_factory=dict)
    fed_us: tuple[int, int] = (0, 0)
    """The bridge had begun its backfill here or before, and was told to stop there."""
    intents: dict[tuple[str, int], int] = field(default_factory=dict)
    """When an order was intended (UTC microseconds), by account and magic number."""


def gather(config: Config, books: dict[str, Books], fed_us: tuple[int, int]) -> Evidence:
    """Read everything but the `books`, which were read before, while nothing writes any more."""
    tape_ = read_tape(config)
    with psycopg.connect(postgres.address(config.postgres, config.namespace)) as connection:
        tables = {name: _rows(connection, config, sql) for name, sql in TABLES.items()}
        intents = connection.execute(INTENTS).fetchall()
    return Evidence(
        tape=tape_,
        log=list(_log(config)),
        quotes=_quotes(config, tape_, fed_us),
        books=books,
        fed_us=fed_us,
        tables=tables,
        intents={(account, magic): at_us for account, magic, at_us in intents},
    )


INTENTS = b"select account, magic, intended_at_us from gateway_orders where state <> 'waiting'"
TABLES = {
    "orders": "select order_id, state, filled_lots from {schema}.orders order by order_id",
    "positions": "select account, position_id, open_lots, side from {schema}.positions "
    "where state = 'open' order by account, position_id",
    "audit": "select topic, count(*) from {schema}.audit group by topic order by topic",
    "executions": "select execution_id, state from {schema}.executions order by execution_id",
    "accounts": "select account, balance, equity, open_lots, open_positions from {schema}.accounts",
    "ticks": "select symbol, source_seq, bid, ask from {schema}.ticks",
    "predictions": "select count(*) from {schema}.predictions",
    "signals": "select count(*) from {schema}.signals",
}


def read_tape(config: Config) -> Tape:
    """Every committed record of every topic."""
    ids = SchemaIds(config)
    raw = {topic.name: list(_messages(config, topic.name, ids)) for topic in TOPICS}
    return Tape(raw, {topic: list(once(messages)) for topic, messages in raw.items()})


def once(messages: Iterable[Message[Any]]) -> Iterator[Message[Any]]:
    """Those whose sequence is above all that their source has sent for the key before."""
    marks: dict[tuple[str, str], str] = {}
    for message in messages:
        envelope = message.envelope
        name = (envelope.source, message.key)
        if envelope.sequence > marks.get(name, ""):
            marks[name] = envelope.sequence
            yield message


def quiet_place(config: Config) -> tuple[tuple[str, int, int], ...]:
    """The end of every partition: while it moves, something is still at work.

    Reports of accounts do not count: they come as long as positions are open.
    """
    with tape.reader(config) as client:
        names = [kafka.topic_name(config, t.name) for t in TOPICS if t.name != REPORTS]
        return tuple(
            (name, number, kafka.bounds(client, name, number)[1])
            for name in names
            for number in kafka.partitions_of(client, name)
        )


def _messages(config: Config, name: str, ids: SchemaIds) -> Iterator[Message[Any]]:
    topic = kafka.topic_name(config, name)
    with tape.reader(config) as client:
        for number in kafka.partitions_of(client, topic):
            low, high = kafka.bounds(client, topic, number)
            for batch in tape.read(client, topic, number, low, high):
                yield from (wire.read(record, ids) for record in batch)


def _log(config: Config) -> Iterator[Message[Any]]:
    store = EventStore.open(postgres.address(config.postgres, config.namespace))
    last = 0
    while entries := store.after(last, LOG_BATCH):
        yield from (entry.message for entry in entries if entry.message is not None)
        last = entries[-1].id


def seconds_due(tape_: Tape, fed_us: tuple[int, int]) -> tuple[int, int]:
    """The first and the last second of which every symbol's quotes are asked: all that the tape
    says it has, of whatever symbol, and at least all that the bridge was there for."""
    times_us = [m.event.ts_source_us for m in tape_.once["market-data-events"]]
    first_us, last_us = min([*times_us, fed_us[0]]), max([*times_us, fed_us[1]])
    return first_us // 1_000_000, last_us // 1_000_000


def _quotes(config: Config, tape_: Tape, fed_us: tuple[int, int]) -> dict[str, list[Quote]]:
    """The venue's own quotes of the seconds that are due."""
    terminal = _terminal(config, config.accounts[0])
    first_s, last_s = seconds_due(tape_, fed_us)
    quotes: dict[str, list[Quote]] = {}
    for symbol in config.symbols:
        rows = terminal.copy_ticks_range(symbol, first_s, last_s + 1, mt5.COPY_TICKS_ALL)
        if rows is None:
            raise RuntimeError(f"the venue gives no quotes of {symbol}: {terminal.last_error()}")
        columns = (rows["time_msc"].tolist(), rows["bid"].tolist(), rows["ask"].tolist())
        quotes[symbol] = list(zip(*columns, strict=True))
    terminal.shutdown()
    return quotes


def read_books(config: Config, account: str) -> Books:
    """The account's books at one moment: read again if a deal came while they were read."""
    terminal = _terminal(config, account)
    while True:
        at_us = time.time_ns() // 1000
        before = terminal.history_deals_get(0, FAR_FUTURE_S)
        positions, info = terminal.positions_get(), terminal.account_info()
        deals = terminal.history_deals_get(0, FAR_FUTURE_S)
        if positions is None or deals is None or info is None:
            raise RuntimeError(f"the venue does not tell {account}: {terminal.last_error()}")
        if before == deals:
            terminal.shutdown()
            return Books(at_us, tuple(positions), tuple(deals), info.balance)


def _terminal(config: Config, account: str) -> Terminal:
    terminal = RemoteTerminal(config.venue, account)
    if not terminal.initialize():
        raise RuntimeError(f"the venue at {config.venue} is away: {terminal.last_error()}")
    return terminal


def _rows(connection: psycopg.Connection[Any], config: Config, sql: str) -> list[tuple[Any, ...]]:
    conninfo = postgres.address(config.postgres, config.namespace)
    schema = read_models.read_schema(conninfo)
    return list(connection.execute(sql.format(schema=f'"{schema}"').encode()).fetchall())
