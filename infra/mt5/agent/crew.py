"""The agents of one account, as many as its orders ask for; one is drained before it is stopped."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from infra.mt5.agent.contract import Pulse
from infra.mt5.agent.keeper import Keeper
from infra.mt5.agent.scaling import Bounds, Load, Rules, Scale, scaled

JUDGE_EVERY_S = 1.0
DRAIN_S = 8.0
"""Callers learn soon that an agent is withdrawn, and by then nobody waits for an answer."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Leaving:
    """An agent that gets nothing new, and has still something to do, or may have."""

    keeper: Keeper
    since_s: float


class Crew:
    """Keepers of one account's agents. Use it from one thread.

    The first of them is never drained: it is where everybody finds the account.
    """

    def __init__(
        self,
        make: Callable[[int], Keeper],
        bounds: Bounds,
        rules: Rules | None = None,
        now: Callable[[], float] = monotonic,
    ) -> None:
        self._make = make
        self._now = now
        self._bounds = bounds
        self._rules = rules or Rules()
        self._scale = Scale(bounds.least)
        self._keepers = [make(number) for number in range(1, bounds.least + 1)]
        self._leaving: _Leaving | None = None
        self._judge_s = now()
        self._meter = _Meter(self._judge_s)

    @property
    def keepers(self) -> tuple[Keeper, ...]:
        """Of those that take new calls, the first one first."""
        return tuple(self._keepers)

    @property
    def draining(self) -> bool:
        """Whether one is about to be stopped."""
        return self._leaving is not None

    @property
    def well(self) -> bool:
        """Whether an agent has shown a pulse."""
        return any(keeper.pulse is not None for keeper in self._keepers)

    def look(self) -> None:
        """Look after each agent, and after how many there should be."""
        for keeper in self._keepers:
            keeper.look()
        self._drain()
        now_s = self._now()
        if self._bounds.most > self._bounds.least and now_s >= self._judge_s:
            self._judge_s = now_s + JUDGE_EVERY_S
            load = self._meter.load([keeper.pulse for keeper in self._keepers], now_s)
            self._scale = scaled(self._scale, load, now_s, self._bounds, self._rules)
            self._follow(load)

    def stop(self) -> None:
        """End all of them."""
        for keeper in (*self._keepers, *([self._leaving.keeper] if self._leaving else [])):
            keeper.stop()

    def _follow(self, load: Load) -> None:
        """One more, or one less, if the scale says so."""
        running = len(self._keepers)
        if self._scale.running > running:
            if self._leaving is not None:
                keeper, self._leaving = self._leaving.keeper, None
                keeper.offer()
            else:
                keeper = self._make(running + 1)
            self._keepers.append(keeper)
        elif self._scale.running < running and self._leaving is None:
            keeper = self._keepers.pop()
            keeper.withdraw()
            self._leaving = _Leaving(keeper, self._now())
        else:
            return
        sends = f"{load.sends_per_s:.1f} sends/s that wait {load.waited_ms:.0f} ms"
        log.info("%d terminals instead of %d: %s", len(self._keepers), running, sends)

    def _drain(self) -> None:
        """Stop the agent that is leaving, once nobody calls it and it does nothing."""
        if self._leaving is None:
            return
        keeper = self._leaving.keeper
        keeper.look()
        pulse = keeper.pulse
        at_work = pulse is not None and (pulse.waiting > 0 or pulse.function != "")
        if not at_work and self._now() - self._leaving.since_s >= DRAIN_S:
            keeper.stop()
            self._leaving = None


class _Meter:
    """What the agents were asked for between two looks, by their own counts."""

    def __init__(self, now_s: float) -> None:
        self._before: dict[str, tuple[int, float]] = {}
        self._at_s = now_s

    def load(self, pulses: list[Pulse | None], now_s: float) -> Load:
        """An agent that was not there before counts from now on."""
        seen = {pulse.epoch: (pulse.sent, pulse.waited_s) for pulse in pulses if pulse}
        known = {epoch: now for epoch, now in seen.items() if epoch in self._before}
        sent = sum(now[0] - self._before[epoch][0] for epoch, now in known.items())
        waited_s = sum(now[1] - self._before[epoch][1] for epoch, now in known.items())
        passed_s = max(now_s - self._at_s, 1e-3)
        self._before, self._at_s = seen, now_s
        return Load(sent / passed_s, 1000 * waited_s / sent if sent else 0.0)
