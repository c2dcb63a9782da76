"""The tape recomputed, at its levels; it is one that all roles of the decision chain wrote."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import cache
from itertools import islice
from multiprocessing import cpu_count

from msgspec.structs import replace

from commands.accounts import ACCOUNTS, ReportAccount
from events.envelope import first_cause
from events.market import TickReceived
from events.values import lots, money
from infra.bench.figures import Figure, against_limit
from infra.bench.ground import fresh, started, stopped
from infra.bench.tapes import await_quiet, published, simulated
from infra.config import Config
from infra.replay.level import Level
from infra.replay.range import EARLIEST, LATEST, where
from infra.replay.run import Outcome, replay
from infra.store import postgres
from infra.store.event_store import EventStore
from infra.stream.schema_ids import SchemaIds
from infra.up import bootstrap

TICKS = 300_000
CHAIN = ("bars", "features", "inference", "signals")
DECIDING = ("relay", "commands", "sagas")
TICKS_LIMIT = 30_000.0
R1_LIMIT, R3_LIMIT = 100_000.0, 20_000.0


def replaying(config: Config, repeats: int) -> Figure:
    """Bars to signals recomputed and compared, by as many processes as there are cores."""
    runs = [_again(config, Level.R2, cpu_count()) for _ in range(repeats)]
    rates = [outcome.ticks / outcome.seconds for outcome, _ in runs]
    return against_limit("replay with verification", rates, TICKS_LIMIT, "ticks/s")


def features(config: Config, repeats: int) -> Figure:
    """R1 by one process: ticks, bars and features per second of its core, whoever else has it."""
    runs = [_again(config, Level.R1, 1) for _ in range(repeats)]
    rates = [outcome.events / core_s for outcome, core_s in runs]
    return against_limit("R1 of one core", rates, R1_LIMIT, "events/core s")


def decisions(config: Config, repeats: int) -> Figure:
    """R3 by one process: from ticks to what was decided."""
    runs = [_again(config, Level.R3, 1) for _ in range(repeats)]
    rates = [outcome.events / core_s for outcome, core_s in runs]
    return against_limit("R3 of one core", rates, R3_LIMIT, "events/core s")


def _again(config: Config, level: Level, jobs: int) -> tuple[Outcome, float]:
    """What came of it, and the seconds of a core that this process took."""
    apart = _tape(config)
    earliest, latest = where(EARLIEST), where(LATEST)
    began_s = time.process_time()
    outcome = replay(
        apart,
        SchemaIds(apart),
        earliest,
        latest,
        verify=True,
        shown=lambda *_: None,
        jobs=jobs,
        level=level,
    )
    core_s = time.process_time() - began_s
    if outcome.different or not all(count.compared for count in outcome.counts.values()):
        raise RuntimeError(f"the replay differs or is incomplete: {outcome}")
    return outcome, core_s


@cache
def _tape(config: Config) -> Config:
    """Hours of the simulated market, and what all roles made of it."""
    apart = fresh(config)
    live = (replace(tick, backfilled=False) for tick in islice(simulated(apart), TICKS))
    decided_on(apart, list(live))
    return apart


def decided_on(apart: Config, ticks: Sequence[TickReceived]) -> None:
    """Put these ticks on a tape, and wait until all roles of the chain have done with them."""
    bootstrap.prepare(apart)
    _report(apart, ticks[0].ts_source_us)
    roles: list[tuple[str, ...]] = [("run", name) for name in DECIDING]
    roles += [("run", "processor", name, "--host", "bulk") for name in CHAIN]
    running = [started(apart, apart.home / f"{'-'.join(role)}.log", *role) for role in roles]
    published(apart, ticks)
    await_quiet(apart)
    for process in running:
        stopped(process)


def _report(config: Config, at_us: int) -> None:
    """As a gateway would: without it no account takes part."""
    with EventStore.open(postgres.address(config.postgres, config.namespace)) as store:
        for account in config.accounts:
            report = ReportAccount(
                account=account,
                balance=money("10000"),
                equity=money("10000"),
                margin=money("0"),
                open_lots=lots("0"),
                open_positions=0,
                reported_at_us=at_us,
            )
            source, sequence = f"bench/{account}", f"{1:016d}"
            store.handle(
                ACCOUNTS,
                first_cause(report, source=source, sequence=sequence, key=account, time_us=at_us),
            )
