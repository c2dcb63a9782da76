"""The tape side: ticks onto Kafka, and the tape into tables."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import psycopg
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from msgspec.structs import replace

from events.bars import BarClosed
from events.envelope import Message, first_cause
from events.market import TickReceived
from infra.bench.figures import Figure, against_limit, paired
from infra.bench.ground import fresh, started, stopped
from infra.bench.streams import predictions, preload
from infra.config import Config
from infra.feed.play import BATCH
from infra.feed.press import Press, publish
from infra.mt5.simulator.settings import MarketSettings, symbols_named
from infra.mt5.simulator.ticks import Market
from infra.run.reading import BATCH_MAX, LINGER_S
from infra.store import postgres
from infra.stream import kafka, messages, tape, wire
from infra.stream.schema_ids import SchemaIds
from infra.stream.transactions import Writer
from infra.up import first_model
from infra.verify.evidence import quiet_place
from processors.bars import BARS, OpenBars

TICKS_PUBLISHED = 300_000
TICKS_PROJECTED = 150_000
PREDICTIONS_PROJECTED = 30_000
NOW_MS = 1_750_000_000_000
HOUR_MS = 3_600_000
PROJECTIONS_LIMIT = 50_000.0
DEADLINE_S = 600.0
QUIET_S = 8.0
FOLDED_TOPICS = ("market-data-events", "bar-events", "prediction-events")
FOLDED = """
    select sum(next_offset)::bigint from offsets
    where (consumer = 'projection-ticks-v1' and topic = 'market-data-events')
       or (consumer = 'projection-audit-v2' and topic in ('bar-events', 'prediction-events'))
"""


def bridge(config: Config, repeats: int) -> Figure:
    """Ticks encoded and committed as the bridge does it, beside the same bytes from a producer."""
    ticks = list(islice(simulated(config), TICKS_PUBLISHED))
    pairs = [(_published(config, ticks), _bare(config, ticks)) for _ in range(repeats)]
    return paired("bridge to acknowledged event", "bare confluent-kafka", pairs, "ticks/s", 0.5)


def projections(config: Config, repeats: int) -> Figure:
    """All read models in one process, from a tape of what is told most often.

    The hot ones are folded: ticks, bars, predictions, and the audit trail of the latter two.
    """
    runs = [_projected(config) for _ in range(repeats)]
    name = "ticks, bars, predictions, audit trail into Postgres"
    return against_limit(name, runs, PROJECTIONS_LIMIT, "events/s")


def reading(config: Config, repeats: int) -> Figure:
    """The same tape read by one thread and not folded: how much room that leaves here."""
    apart, ids = _told(config), SchemaIds(config)
    runs = [_read_rate(apart, ids) for _ in range(repeats)]
    return against_limit("the same, only read and decoded", runs, PROJECTIONS_LIMIT, "events/s")


def simulated(config: Config) -> Iterator[TickReceived]:
    """Hours of the simulated market, symbols in turn."""
    market = Market(MarketSettings(seed=config.seed, symbols=symbols_named(config.symbols)))
    for hour in range(10_000):
        start_ms = NOW_MS + hour * HOUR_MS
        for symbol in config.symbols:
            yield from first_model.history(market, symbol, start_ms, start_ms + HOUR_MS)


def published(config: Config, ticks: Sequence[TickReceived]) -> float:
    """Ticks per second into committed transactions. Numbers are given anew, per symbol."""
    press, writer = Press(SchemaIds(config)), Writer(config, "bridge", 5)
    numbered = list(_numbered(ticks))
    began_s = time.monotonic()
    for at in range(0, len(numbered), BATCH):
        publish(writer, press, numbered[at : at + BATCH])
    return len(ticks) / (time.monotonic() - began_s)


def _numbered(ticks: Sequence[TickReceived]) -> Iterator[TickReceived]:
    last: dict[str, int] = {}
    for tick in ticks:
        last[tick.symbol] = last.get(tick.symbol, 0) + 1
        yield replace(tick, source_seq=last[tick.symbol])


def _published(config: Config, ticks: Sequence[TickReceived]) -> float:
    return published(fresh(config), ticks)


def _bare(config: Config, ticks: Sequence[TickReceived]) -> float:
    apart = fresh(config)
    press = Press(SchemaIds(apart))
    records = list(press.records([(tick, tick.source_seq) for tick in ticks]))
    topic = kafka.topic_name(apart, records[0].topic)
    writer = kafka.producer(apart, linger_ms=5, queue_buffering_max_messages=1_000_000)
    began_s = time.monotonic()
    for record in records:
        writer.produce(topic, record.value, record.key, headers=list(record.headers))
    writer.flush()
    return len(records) / (time.monotonic() - began_s)


def _told(config: Config) -> Config:
    """A copy whose tape holds ticks, their bars, and predictions."""
    apart = fresh(config)
    ticks = list(_numbered(list(islice(simulated(apart), TICKS_PROJECTED))))
    published(apart, ticks)
    bars = list(_bars(ticks))
    preload(apart, kafka.topic_name(apart, "bar-events"), iter(bars))
    made = predictions(PREDICTIONS_PROJECTED)
    preload(apart, kafka.topic_name(apart, "prediction-events"), made)
    return apart


def _read_rate(config: Config, ids: SchemaIds) -> float:
    """Records per second from the first that come to the end of every partition."""
    left = {place[:2] for place in quiet_place(config) if place[0].endswith(FOLDED_TOPICS)}
    read, began_s = 0, 0.0
    with tape.reader(config) as client:
        client.assign([TopicPartition(*place, 0) for place in left])
        while left:
            fetched: Sequence[Any] = client.consume(BATCH_MAX, LINGER_S)
            ends = [each for each in fetched if each.error() is not None]
            if any(each.error().code() != KafkaError._PARTITION_EOF for each in ends):
                raise KafkaException(next(each.error() for each in ends))
            left -= {(each.topic(), each.partition()) for each in ends}
            records = wire.records_of([each for each in fetched if each.error() is None])
            read += len(messages.read_all(records, ids)) if began_s else 0
            began_s = began_s or (time.monotonic() if records else 0.0)
    return read / (time.monotonic() - began_s)


def _projected(config: Config) -> float:
    apart = _told(config)
    process = started(apart, apart.home / "projections.log", "run", "projections")
    try:
        return _fold_rate(apart)
    finally:
        stopped(process)


def _bars(ticks: Sequence[TickReceived]) -> Iterator[Message[BarClosed]]:
    states: dict[str, OpenBars] = {}
    for tick in ticks:
        state, closed = BARS.step(states.get(tick.symbol, BARS.initial), tick)
        states[tick.symbol] = state
        for number, bar in enumerate(closed):
            yield first_cause(
                bar,
                source="bench",
                sequence=f"{tick.source_seq:016d}.{number}",
                key=bar.symbol,
                time_us=bar.closed_at_us,
            )


def _fold_rate(config: Config) -> float:
    """Records per second between the first and the last progress of ticks and audit trail."""
    total = sum(end for name, _, end in quiet_place(config) if name.endswith(FOLDED_TOPICS))
    marks: list[tuple[float, int]] = []
    deadline_s = time.monotonic() + DEADLINE_S
    with psycopg.connect(postgres.address(config.postgres, config.namespace)) as connection:
        connection.autocommit = True
        while not marks or marks[-1][1] < total:
            if time.monotonic() > deadline_s:
                raise TimeoutError(f"the projections came to {marks[-1:]} of {total}")
            done = _folded(connection)
            if done and (not marks or done > marks[-1][1]):
                marks.append((time.monotonic(), done))
            time.sleep(0.05)
    (first_s, first), (last_s, last) = marks[0], marks[-1]
    return (last - first) / max(last_s - first_s, 0.05)


def _folded(connection: psycopg.Connection[tuple[int | None]]) -> int:
    try:
        row = connection.execute(FOLDED).fetchone()
    except psycopg.errors.UndefinedTable:
        return 0
    return (row[0] if row else 0) or 0


def await_quiet(config: Config) -> None:
    """Until nothing has come onto the tape for a while."""
    place, since_s = quiet_place(config), time.monotonic()
    while time.monotonic() - since_s < QUIET_S:
        time.sleep(0.5)
        now = quiet_place(config)
        if now != place:
            place, since_s = now, time.monotonic()
