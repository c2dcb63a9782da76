"""How much is run again is asked for, and what another environment has made is said to be that."""

from __future__ import annotations

from events.envelope import first_cause
from events.roles import RoleStarted
from infra.config import Config
from infra.replay import caption
from infra.replay.decisions import SAGA
from infra.replay.found import Count
from infra.replay.level import DECLARED, Level
from infra.replay.range import EARLIEST, LATEST, where
from infra.replay.run import Outcome, replay
from infra.stream import wire
from processors.bars import BARS
from processors.features import FEATURES_OF_BARS
from processors.inference import inference
from processors.signals import SIGNALS
from tests.infra.edited import Stub
from tests.infra.market import IDS, all_of, put
from tests.infra.replay.test_replay import market, recorded, unmodelled, whole
from tests.infra.tape_writer import write_raw

__all__ = ["market", "unmodelled"]


def at(config: Config, level: Level, jobs: int = 1) -> Outcome:
    from_to = where(EARLIEST), where(LATEST)
    return replay(config, IDS, *from_to, verify=True, shown=lambda *_: None, jobs=jobs, level=level)


def test_each_level_runs_so_many_stages_again(market: Config) -> None:
    whole(market)
    one, two = at(market, Level.R1), at(market, Level.R2)
    assert list(one.counts) == ["bars", "features"]
    assert list(two.counts) == ["bars", "features", "inference", "signals"]
    assert (one.different, two.different) == (0, 0)
    assert one.digest != two.digest
    assert at(market, Level.R2).digest == two.digest
    assert one.events > one.ticks == two.ticks


def test_equal_is_not_said_of_decisions_that_nobody_made() -> None:
    silent, spoken = (
        Outcome(level=Level.R3, model_digest="m", counts={SAGA: Count(inputs=n, equal=n)})
        for n in (0, 1)
    )
    said = "no saga said anything in it: of decisions there was nothing to compare"
    assert said in caption(silent, verify=True)
    assert said not in caption(spoken, verify=True)


def test_what_was_recorded_is_read_again(market: Config) -> None:
    whole(market)
    found = at(market, Level.R0)
    ticks = len(all_of(market, "market-data-events"))
    assert found.ticks == found.counts["market-data-events"].equal == ticks
    assert (found.different, found.digest) == (0, at(market, Level.R0).digest)
    write_raw(market, "signal-events", b"EURUSD", b"garbage")
    broken = at(market, Level.R0)
    assert broken.counts["signal-events"].different == broken.different == 1
    assert broken.digest != found.digest


def test_another_environment_is_named_and_not_compared(market: Config) -> None:
    recorded(market, BARS)
    recorded(market, FEATURES_OF_BARS)
    recorded(market, inference(Stub("3", environment_digest="elsewhere")))
    recorded(market, SIGNALS)
    found = at(market, Level.R2)
    assert (found.different, set(found.elsewhere)) == (0, {"elsewhere"})
    assert any(line.startswith(f"{DECLARED}: ") for line in caption(found, verify=True))


def test_a_role_that_ran_elsewhere_is_named_by_the_levels_that_run_it_again(
    market: Config,
) -> None:
    whole(market)
    assert at(market, Level.R2).elsewhere == {"here"}  # says the model of the test
    for role, digest in (("bars", "there"), ("signals", "abroad"), ("commands", "unasked")):
        event = RoleStarted(role=role, environment_digest=digest, facts=(), values=())
        message = first_cause(
            event, source=f"roles/{role}", sequence=f"{1:016d}", key=role, time_us=1
        )
        put(market, [wire.write(message, IDS)])
    assert at(market, Level.R1).elsewhere == {"there"}
    assert at(market, Level.R2).elsewhere == {"there", "abroad", "here"}
