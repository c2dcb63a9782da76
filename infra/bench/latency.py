"""From a signal to its `order_send`, stage by stage, and the memory of a platform at work.

The stages before are read off the tape. The call itself is in the gateways' logs alone: what the
venue does with an order afterwards is not our time.
"""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil

from events.envelope import Event
from events.orders import OrderAccepted
from events.signals import SignalRaised
from infra.bench import chain
from infra.bench.figures import Figure, against_limit, quantile
from infra.config import Config
from infra.stream import kafka, tape, wire
from infra.stream.schema_ids import SchemaIds
from infra.up.run_file import Part
from infra.verify.drill import Drill, isolated

GIB = 1024**3
MEMORY_LIMIT_GIB = 4.0
P99_AIM_MS = 50.0
TOPICS = ("signal-events", "order-events")


@dataclass(slots=True)
class Leg:
    """When each stage of one order was reached, in wall-clock milliseconds."""

    stamps_ms: dict[str, float] = field(default_factory=dict)


STAGES = (
    ("signal raised -> order accepted (saga, decider, relay)", "signal", "accepted"),
    ("order accepted -> order_send called (gateway)", "accepted", "called"),
    ("signal raised -> order_send called", "signal", "called"),
)
SHARES = (0.5, 0.99)


def platform(config: Config, minutes: float) -> list[Figure]:
    """Run a whole platform for `minutes`, then read latencies off its tape and weigh it."""
    with tempfile.TemporaryDirectory(prefix="tapedeck-bench-") as home:
        told = replace(isolated(config, Path(home)), log_level="info")
        drill = Drill(told, print, random.Random(0))
        try:
            drill.begin()
            with chain.at_work(drill.config) as bare:
                drill.watch(60 * minutes)
                bare_ms = bare()
            memory_gib = _memory_bytes(drill.supervisor.parts()) / GIB
            legs = list(_legs(drill.config))
        finally:
            drill.end()
    name = f"memory after {minutes:g} minutes"
    memory = against_limit(name, [memory_gib], MEMORY_LIMIT_GIB, "GiB", ceiling=True)
    return [*_stages(legs), *_hops(bare_ms), memory]


def _hops(times_ms: list[float]) -> Iterator[Figure]:
    """What the machine takes for the same hops and commits with no work in between."""
    for share in SHARES:
        label = f"the same hops by bare clients, p{share * 100:g} of {len(times_ms)}"
        yield Figure(label, quantile(times_ms, share), "aim", P99_AIM_MS, "ms", 1.0, ceiling=True)


def _stages(legs: list[Leg]) -> Iterator[Figure]:
    for name, start, end in STAGES:
        times_ms = [
            leg.stamps_ms[end] - leg.stamps_ms[start]
            for leg in legs
            if start in leg.stamps_ms and end in leg.stamps_ms
        ]
        for share in SHARES:
            label = f"{name}, p{share * 100:g} of {len(times_ms)}"
            value_ms = quantile(times_ms, share)
            yield Figure(label, value_ms, "aim", P99_AIM_MS, "ms", 1.0, ceiling=True)


def _legs(config: Config) -> Iterator[Leg]:
    """The opening orders that were sent."""
    calls_ms = called_ms(config.logs)
    legs: dict[str, Leg] = {}
    signals_ms: dict[str, float] = {}
    for event, stamp_ms in _stamped(config):
        if isinstance(event, SignalRaised):
            signals_ms[event.signal_id] = stamp_ms
            continue
        order_id = str(getattr(event, "order_id", ""))
        if not order_id.endswith("/open"):
            continue
        stamps_ms = legs.setdefault(order_id, Leg()).stamps_ms
        if isinstance(event, OrderAccepted):
            stamps_ms["accepted"] = stamp_ms
            if event.execution_id in signals_ms:
                stamps_ms["signal"] = signals_ms[event.execution_id]
    for order_id, leg in legs.items():
        if order_id in calls_ms:
            leg.stamps_ms["called"] = calls_ms[order_id]
            yield leg


def called_ms(logs: Path) -> dict[str, float]:
    """When each order's `order_send` was first called, by the logs of the gateways."""
    found: dict[str, float] = {}
    for file in sorted(logs.glob("gateway-*.log")):
        for line in file.read_text(errors="replace").splitlines():
            if '"called_at_us"' in line:
                said = json.loads(line)
                if said["called_at_us"]:
                    found.setdefault(said["order_id"], said["called_at_us"] / 1000)
    return found


def _stamped(config: Config) -> Iterator[tuple[Event, float]]:
    """Events with the time at which their producer handed them to Kafka, in milliseconds."""
    ids = SchemaIds(config)
    with tape.reader(config) as client:
        for name in TOPICS:
            topic = kafka.topic_name(config, name)
            for number in kafka.partitions_of(client, topic):
                low, high = kafka.bounds(client, topic, number)
                for batch in tape.read(client, topic, number, low, high):
                    yield from (
                        (wire.event_of(record, ids), record.timestamp_ms) for record in batch
                    )


def _memory_bytes(parts: tuple[Part, ...]) -> int:
    """Proportional set size of all parts and their children: shared pages count once."""
    pids = {part.pid for part in parts if part.pid is not None}
    processes = [psutil.Process(pid) for pid in pids]
    processes += [child for parent in processes for child in parent.children(recursive=True)]
    return sum({p.pid: p.memory_full_info().pss for p in processes if p.is_running()}.values())
