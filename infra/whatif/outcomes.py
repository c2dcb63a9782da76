"""What became of a stretch of the tape, once as it was recorded and once under other choices."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from events.predictions import FeaturesComputed, PredictionMade
from events.signals import Abstained, SignalRaised
from events.values import Price, Side

Key = tuple[str, int, int]
"""A moment that was predicted: symbol, seconds of its bar, and the bar's end (event time)."""
Outcome = SignalRaised | Abstained


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was decided of an account for a signal: an order, or why there was none."""

    account: str
    side: Side | None = None
    volume_lots: Decimal = Decimal(0)
    stop_loss: Price | None = None
    take_profit: Price | None = None
    reason: str = ""

    @property
    def is_order(self) -> bool:
        """Whether it may be sent."""
        return not self.reason

    def __str__(self) -> str:
        if self.side is None or self.reason:
            return self.reason
        levels = (("stop", self.stop_loss), ("target", self.take_profit))
        named = "".join(f" {name} {level:f}" for name, level in levels if level is not None)
        return f"{self.side.value} {self.volume_lots.normalize():f}{named}"


Verdicts = dict[str, Verdict]
"""By account."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What was made of one moment. `tick` is the place of the tick that ended its bar."""

    key: Key
    time_us: int
    tick: int | None = None
    features: FeaturesComputed | None = None
    prediction: PredictionMade | None = None
    outcome: Outcome | None = None
    position: str = ""
    """Where the recorded outcome stands on the tape."""

    @property
    def signal(self) -> SignalRaised | None:
        """The signal, if one was raised."""
        return self.outcome if isinstance(self.outcome, SignalRaised) else None


def signal_key(signal: SignalRaised) -> Key:
    """The moment of a signal, which its id names."""
    symbol, timeframe_s, as_of_us = signal.signal_id.rsplit("-", 2)
    return symbol, int(timeframe_s), int(as_of_us)


def key_of(event: FeaturesComputed | PredictionMade | Abstained) -> Key:
    """The moment of what is about one."""
    return event.symbol, event.timeframe_s, event.as_of_us
