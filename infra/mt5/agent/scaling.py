"""How many terminals an account needs for its signals: a pure function of load and time.

One more when a load beyond what those running carry has lasted; one less when one less would be
half idle, for much longer. The gap between the two is what keeps the number from flapping.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Bounds:
    """The least and the most terminals of an account."""

    least: int = 1
    most: int = 1


@dataclass(frozen=True, slots=True)
class Load:
    """What the terminals were asked for lately, and how long orders waited for their turn."""

    sends_per_s: float
    waited_ms: float


@dataclass(frozen=True, slots=True)
class Rules:
    """What one terminal carries, and how long a load must last before it counts."""

    sends_per_s_each: float = 10.0
    waited_ms_max: float = 100.0
    idle_share: float = 0.5
    up_after_s: float = 5.0
    down_after_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Scale:
    """How many run, and since when they have been too few or too many."""

    running: int
    short_since_s: float | None = None
    idle_since_s: float | None = None


def scaled(scale: Scale, load: Load, now_s: float, bounds: Bounds, rules: Rules) -> Scale:
    """The scale after such a load was seen. It moves by one terminal at a time."""
    running = min(bounds.most, max(bounds.least, scale.running))
    if running != scale.running:
        return Scale(running)
    short_since_s = _since(_short(running, load, rules), scale.short_since_s, now_s)
    idle_since_s = _since(_idle(running, load, rules), scale.idle_since_s, now_s)
    if running < bounds.most and _lasted(short_since_s, now_s, rules.up_after_s):
        return Scale(running + 1)
    if running > bounds.least and _lasted(idle_since_s, now_s, rules.down_after_s):
        return Scale(running - 1)
    return replace(scale, short_since_s=short_since_s, idle_since_s=idle_since_s)


def _short(running: int, load: Load, rules: Rules) -> bool:
    beyond = load.sends_per_s > running * rules.sends_per_s_each
    return beyond or load.waited_ms > rules.waited_ms_max


def _idle(running: int, load: Load, rules: Rules) -> bool:
    """Whether one terminal less would be half idle, and nobody waits."""
    carried = (running - 1) * rules.sends_per_s_each * rules.idle_share
    return load.sends_per_s <= carried and load.waited_ms <= rules.waited_ms_max * rules.idle_share


def _since(holds: bool, since_s: float | None, now_s: float) -> float | None:
    if not holds:
        return None
    return now_s if since_s is None else since_s


def _lasted(since_s: float | None, now_s: float, at_least_s: float) -> bool:
    return since_s is not None and now_s - since_s >= at_least_s
