"""Stream processing beside its peers: the Faust host and a bare agent, the bulk host and quix.

A process is started first and shown a few messages; when these have come out, it is held still
while the others are put in. The rate is taken between the first and the last of their outputs, by
the broker's clock as they arrive: neither the start of a process counts, nor who feeds it, nor what
a writer says of the time, for some hand on that of their input.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from confluent_kafka import Consumer

from events.envelope import Event, Message, first_cause
from events.predictions import PredictionMade
from infra.bench.figures import Figure, paired
from infra.bench.ground import fresh, started, stopped
from infra.config import Config
from infra.embedded.process import spawn
from infra.stream import kafka, wire
from infra.stream.schema_ids import SchemaIds
from infra.up.children import CODE
from schemas.catalog import topic_of

FAUST_MESSAGES = 30_000
BULK_MESSAGES = 200_000
AHEAD = 60
SYMBOLS = ("EURUSD", "GBPUSD", "USDJPY", "USDCHF", "AUDUSD", "XAUUSD")
DEADLINE_S = 120.0
PEERS = CODE / "infra" / "bench" / "peers"
PEER_PYTHON = CODE / ".venv-peer" / "bin" / "python"

Start = Callable[[Config], subprocess.Popen[bytes]]


def faust(config: Config, repeats: int) -> Figure:
    """Signals on the Faust host beside an agent that forwards bytes."""
    pairs = [
        (
            rate(config, "signal-events", FAUST_MESSAGES, _ours("faust")),
            rate(config, "bare-out", FAUST_MESSAGES, _bare_faust),
        )
        for _ in range(repeats)
    ]
    return paired("Faust processor, in to out", "bare Faust agent", pairs, "events/s", 0.8)


def bulk(config: Config, repeats: int) -> Figure:
    """Signals on the bulk host, Avro and all, beside quixstreams with raw bytes."""
    if not PEER_PYTHON.exists():
        raise FileNotFoundError(f"{PEER_PYTHON} is missing; run `make bench`, which installs it")
    pairs = [
        (
            rate(config, "signal-events", BULK_MESSAGES, _ours("bulk")),
            rate(config, "bare-out", BULK_MESSAGES, _quix),
        )
        for _ in range(repeats)
    ]
    return paired("bulk processor, in to out", "quixstreams, raw", pairs, "events/s", 1.0)


def rate(config: Config, target: str, count: int, start: Start) -> float:
    """Outputs per second of a process that turns `count` predictions into `target`."""
    apart = fresh(config, target)
    source = kafka.topic_name(apart, topic_of(PredictionMade).name)
    made = predictions(AHEAD + count)
    outputs = kafka.consumer(apart, "bench-output")
    outputs.subscribe([kafka.topic_name(apart, target)])
    process = start(apart)
    try:
        preload(apart, source, islice(made, AHEAD))
        _stamps_ms(outputs, AHEAD)
        process.send_signal(signal.SIGSTOP)
        preload(apart, source, made)
        process.send_signal(signal.SIGCONT)
        stamps_ms = _stamps_ms(outputs, count)
    finally:
        outputs.close()
        stopped(process)
    return 1000 * (len(stamps_ms) - 1) / max(1, max(stamps_ms) - min(stamps_ms))


def preload(config: Config, topic: str, messages: Iterator[Message[Event]]) -> None:
    """Put messages on a topic as a processor would have."""
    ids = SchemaIds(config)
    writer = kafka.producer(config, linger_ms=5, queue_buffering_max_messages=1_000_000)
    while batch := list(islice(messages, 10_000)):
        for message in batch:
            out = wire.write(message, ids)
            writer.produce(topic, out.value, out.key, headers=list(out.headers))
        writer.flush()


def predictions(count: int) -> Iterator[Message[PredictionMade]]:
    """Predictions of several symbols in turn, none of them sure."""
    for number in range(count):
        symbol = SYMBOLS[number % len(SYMBOLS)]
        time_us = 1_700_000_000_000_000 + number * 1_000_000
        event = PredictionMade(
            symbol=symbol,
            timeframe_s=10,
            as_of_us=time_us,
            observed_at_us=time_us,
            horizon_s=60,
            probability_up=0.5 + (number % 100) / 10_000,
            confidence=0.1,
            close=1.1,
            spread=0.0001,
            volatility=0.0001,
            model="bench",
            model_digest="0" * 64,
            feature_digest="0" * 64,
            environment_digest="0" * 64,
        )
        yield first_cause(
            event, source="bench", sequence=f"{number:016d}", key=symbol, time_us=time_us
        )


def _stamps_ms(client: Consumer, count: int) -> Sequence[int]:
    stamps_ms: list[int] = []
    deadline_s = time.monotonic() + DEADLINE_S
    while len(stamps_ms) < count:
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"{len(stamps_ms)} of {count} outputs in {DEADLINE_S:.0f} s")
        for record in client.consume(5_000, 0.5):
            if record.error() is None:
                stamps_ms.append(record.timestamp()[1])
    return stamps_ms


def _ours(host: str) -> Start:
    def start(config: Config) -> subprocess.Popen[bytes]:
        log = config.home / "processor.log"
        return started(config, log, "run", "processor", "signals", "--host", host)

    return start


def _bare_faust(config: Config) -> subprocess.Popen[bytes]:
    return _peer(config, [sys.executable, "-m", "infra.bench.peers.bare_faust"])


def _quix(config: Config) -> subprocess.Popen[bytes]:
    return _peer(config, [str(PEER_PYTHON), str(PEERS / "quix.py")])


def _peer(config: Config, program: list[str]) -> subprocess.Popen[bytes]:
    source = kafka.topic_name(config, topic_of(PredictionMade).name)
    target = kafka.topic_name(config, "bare-out")
    argv = [*program, config.kafka, source, target]
    return spawn(argv, config.home / "peer.log", env=dict(os.environ), cwd=config.home)
