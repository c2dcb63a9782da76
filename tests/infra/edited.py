"""A model that is none, its promotion, and messages with one thing changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from events.bars import BarClosed
from events.envelope import first_cause
from events.models import ModelPromoted
from infra.stream import wire
from infra.stream.wire import Outgoing
from processors.features import FEATURE_DIGEST
from schemas import codec
from tests.infra.market import IDS


@dataclass(frozen=True)
class Stub:
    """A model that is as sure as its digest begins."""

    model_digest: str
    model: str = "stub"
    feature_digest: str = FEATURE_DIGEST
    environment_digest: str = "here"
    timeframe_s: int = 10
    horizon_s: int = 60
    sureness: tuple[float, ...] = (0.1, 0.2)

    def probabilities_up(self, rows: Sequence[tuple[float, ...]]) -> list[float]:
        return [int(self.model_digest[0]) / 10 for _ in rows]


def promotion(digest: str) -> Outgoing:
    event = ModelPromoted(
        model="stub",
        model_digest=digest,
        feature_digest=FEATURE_DIGEST,
        timeframe_s=10,
        horizon_s=60,
    )
    return wire.write(
        first_cause(event, source="test", sequence=digest, key="stub", time_us=int(digest)), IDS
    )


def changed(out: Outgoing) -> Outgoing:
    """The same message with one price a little higher."""
    event = codec.decode("BarClosed", out.value[5:])
    assert isinstance(event, BarClosed)
    higher = replace(event, close=event.close + 1e-9)
    return Outgoing(out.topic, out.key, out.value[:5] + codec.encode(higher), out.headers)


def unasked(out: Outgoing) -> Outgoing:
    """A message of a cause that has no such consequence: the tick before."""
    sequence = next(value for name, value in out.headers if name == "ce_sequence")
    before = b"%016d.000" % (int(sequence[:16]) - 1)
    headers = [(n, before if n == "ce_sequence" else v) for n, v in out.headers]
    return Outgoing(out.topic, out.key, out.value, headers)


def reheaded(out: Outgoing, header: str) -> Outgoing:
    headers = [(n, v[:-1] + b"x" if n == header else v) for n, v in out.headers]
    return Outgoing(out.topic, out.key, out.value, headers)
