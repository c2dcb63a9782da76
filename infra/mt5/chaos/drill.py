"""`tapedeck mt5 chaos`: so many accounts under load and fire for so long, then what it proves."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from infra.config import Config
from infra.mt5.accounts import login_of
from infra.mt5.agent.scaling import Rules
from infra.mt5.chaos.fleet import Fleet
from infra.mt5.chaos.judge import judged
from infra.mt5.chaos.lane import Lane
from infra.mt5.chaos.record import Crossings, Intent
from infra.mt5.chaos.witness import WitnessLink
from infra.mt5.link import Link
from infra.mt5.package import Package
from infra.mt5.terminal import Terminal
from infra.verify.verdict import Verdict, verdict

READY_S, RECOVERY_S = 180.0, 90.0
LOOK_S = 0.1
WEIGH_EVERY_S = 5.0

Mutation = Callable[[Link, int], Link]
"""What a test puts between a lane and its agent to see whether the drill notices."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How long, under which seed, how hard: a strike every so often, a pause between orders.

    Each send takes the venue `delay_ms`; what is open at the end has `settle_s` to be settled.
    A slow machine is given more time, so that there are `strikes_min`.
    """

    seconds: float
    luck: int
    strike_every_s: float = 2.5
    pause_s: float = 0.5
    delay_ms: int = 40
    settle_s: float = 90.0
    strikes_min: int = 0


class PlainLine:
    """An account's terminal, looked at by a witness; `epoch` says which agent answered last."""

    def __init__(
        self, fleet: Fleet, account: str, magics: set[int], crossings: Crossings, mutate: Mutation
    ) -> None:
        link, self.epoch = fleet.line(account)
        login = login_of(account)
        owns = magics.__contains__
        self.terminal: Terminal = Package(WitnessLink(mutate(link, login), login, owns, crossings))


class Drill:
    """A fleet, its lanes, and what they have seen."""

    def __init__(
        self,
        config: Config,
        plan: Plan,
        mutate: Mutation = lambda link, _login: link,
        rules: Rules | None = None,
    ) -> None:
        self.fleet = Fleet(config, rules or Rules())
        self.crossings = Crossings()
        self._config = config
        self._plan = plan
        self._luck = random.Random(plan.luck)
        self.lanes = [lane for a in config.accounts for lane in self._lanes_of(a, mutate)]

    @property
    def intents(self) -> list[Intent]:
        """Of all lanes."""
        return [intent for lane in self.lanes for intent in lane.intents]

    def run(self, at: Callable[[float, float], None]) -> list[Verdict]:
        """Start, trade under fire, let recover, settle, judge. `at` is told the seconds of fire."""
        try:
            self.fleet.begin(self._plan.delay_ms)
            for lane in self.lanes:
                lane.start()
            _until(READY_S, lambda: self.fleet.whole and all(lane.intents for lane in self.lanes))
            self._under_fire(at)
            _until(RECOVERY_S, lambda: self.fleet.whole)
            self._settle()
            dealt = {account: self.fleet.deals(account) for account in self._config.accounts}
        finally:
            for lane in self.lanes:
                lane.stop()
            self.fleet.end()
        return [*judged(self.intents, dealt, self.crossings.seen), self._recovered(), self._calm()]

    def figures(self) -> list[str]:
        """What was done, in a few lines."""
        strikes, intents = self.fleet.strikes, self.intents
        took = [s.recovered_s for s in strikes if s.recovered_s is not None] or [0.0]
        ends = Counter(intent.outcome.value for intent in intents)
        lost = Counter(intent.outcome.value for intent in intents if intent.unknown)
        hangs = sum(strike.hang for strike in strikes)
        rate = len(intents) / self._plan.seconds
        return [
            f"orders     {len(intents)} ({rate:.0f}/s): {_counts(ends)}",
            f"unknown    {sum(lost.values())}, settled as: {_counts(lost)}",
            f"agents     {len(strikes) - hangs} killed, {hangs} hung, "
            f"{self.fleet.memory_mib_max} MiB together at most",
            f"recovery   median {median(took):.1f} s, worst {max(took):.1f} s",
            f"reads      {self.crossings.reads} served",
        ]

    def _lanes_of(self, account: str, mutate: Mutation) -> list[Lane]:
        magics: set[int] = set()
        return [
            Lane(
                login=login_of(account),
                symbol=symbol,
                line=PlainLine(self.fleet, account, magics, self.crossings, mutate),
                pause_s=self._plan.pause_s,
                luck=random.Random(f"{self._plan.luck}/{account}/{symbol}"),
                seen=self.fleet.seen,
                magics=magics,
            )
            for symbol in self._config.symbols
        ]

    def _under_fire(self, at: Callable[[float, float], None]) -> None:
        began_s = weigh_s = time.monotonic()
        strike_s = began_s + self._wait_s()
        while self._burning((now_s := time.monotonic()) - began_s):
            at(min(now_s - began_s, self._plan.seconds), self._plan.seconds)
            if now_s >= strike_s:
                self.fleet.strike(self._luck)
                strike_s += self._wait_s()
            if now_s >= weigh_s:
                self.fleet.weigh()
                weigh_s = now_s + WEIGH_EVERY_S
            time.sleep(LOOK_S)

    def _burning(self, passed_s: float) -> bool:
        more = len(self.fleet.strikes) < self._plan.strikes_min
        return passed_s < self._plan.seconds + (READY_S if more else 0.0)

    def _wait_s(self) -> float:
        return self._plan.strike_every_s * self._luck.uniform(0.5, 1.5)

    def _settle(self) -> None:
        for lane in self.lanes:
            lane.stop()
        until_s = time.monotonic() + self._plan.settle_s
        for lane in self.lanes:
            lane.ended(max(0.0, until_s - time.monotonic()))

    def _recovered(self) -> Verdict:
        strikes = self.fleet.strikes
        never = [f"{s.login} has not recovered" for s in strikes if s.recovered_s is None]
        if not strikes:
            never.append("nobody was struck")
        return verdict(
            "every account that was struck answers again", never, f"{len(strikes)} strikes"
        )

    def _calm(self) -> Verdict:
        troubles = [
            f"{lane.login} {lane.symbol}: {t}" for lane in self.lanes if (t := lane.trouble)
        ]
        return verdict("nobody who sends fell over", troubles, f"{len(self.lanes)} lanes")


def _until(patience_s: float, holds: Callable[[], bool]) -> None:
    until_s = time.monotonic() + patience_s
    while not holds() and time.monotonic() < until_s:
        time.sleep(LOOK_S)


def _counts(of: Counter[str]) -> str:
    return ", ".join(f"{count} {what}" for what, count in sorted(of.items())) or "none"
