"""The breaker of an account: when its terminal is relied on, as a pure function of what was heard.

Closed, every order passes. Answers that prove nothing, or a link that cannot be made, open it:
then only orders that reduce risk pass, and reading goes on. After a wait it is half open for one
read; what that gives closes it, or opens it again for longer.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

from commands.accounts import BreakerPosition
from infra.mt5.backoff import Backoff


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is borne in a row before the breaker opens, and how long it then waits."""

    unknowns_max: int = 3
    link_failures_max: int = 5
    backoff: Backoff = field(default_factory=Backoff)


@dataclass(frozen=True, slots=True)
class Breaker:
    """`openings` counts those in a row, `probe_at_s` is when an open breaker asks again."""

    limits: Limits = field(default_factory=Limits)
    position: BreakerPosition = BreakerPosition.CLOSED
    unknowns: int = 0
    openings: int = 0
    probe_at_s: float = 0.0
    reason: str = ""

    def passes(self, reduces_risk: bool) -> bool:
        """Whether an order may be sent."""
        return reduces_risk or self.position is BreakerPosition.CLOSED

    def proven(self) -> Breaker:
        """A send was answered, and the answer says what happened."""
        return replace(self, unknowns=0)

    def unknown(self, detail: str, now_s: float, luck: random.Random) -> Breaker:
        """A send was answered by nothing that proves anything."""
        heard = replace(self, unknowns=self.unknowns + 1)
        if heard.unknowns < self.limits.unknowns_max:
            return heard
        return heard._opened(f"{heard.unknowns} sends in a row are unknown: {detail}", now_s, luck)

    def unlinked(self, failures: int, detail: str, now_s: float, luck: random.Random) -> Breaker:
        """The link could not be made, so many times in a row."""
        if failures < self.limits.link_failures_max:
            return self
        return self._opened(f"the link failed {failures} times in a row: {detail}", now_s, luck)

    def due(self, now_s: float) -> Breaker:
        """Half open, once an open one has waited long enough."""
        waited = self.position is BreakerPosition.OPEN and now_s >= self.probe_at_s
        return replace(self, position=BreakerPosition.HALF_OPEN) if waited else self

    def probed(self, answered: bool, now_s: float, luck: random.Random) -> Breaker:
        """The one read that a half open breaker asks was answered, or was not."""
        if self.position is not BreakerPosition.HALF_OPEN:
            return self
        if answered:
            return Breaker(self.limits)
        return self._opened("the probe was not answered", now_s, luck)

    def _opened(self, reason: str, now_s: float, luck: random.Random) -> Breaker:
        """Open, if it is not; only a probe that failed makes it wait longer."""
        if self.position is BreakerPosition.OPEN:
            return self
        openings = self.openings + 1
        return replace(
            self,
            position=BreakerPosition.OPEN,
            openings=openings,
            probe_at_s=now_s + self.limits.backoff.wait_s(openings, luck),
            reason=reason,
        )


def resumed(position: BreakerPosition, now_s: float) -> Breaker:
    """The breaker as the last session left it: one that was not closed asks at once."""
    if position is BreakerPosition.CLOSED:
        return Breaker()
    return Breaker(position=BreakerPosition.OPEN, openings=1, probe_at_s=now_s)
