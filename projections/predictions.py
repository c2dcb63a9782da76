"""Every prediction, with the digests that pin what made it."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import asdict

from events.envelope import Message
from events.predictions import PredictionMade
from projections.projection import Projection, Rows, Table
from projections.query import SYMBOL, Kind, Query, during, equals

PREDICTIONS = Table("predictions", ("symbol", "timeframe_s", "as_of_us", "horizon_s", "model"))

DDL = """
create table predictions (
    symbol text collate "C", timeframe_s integer, as_of_us bigint, observed_at_us bigint,
    horizon_s integer, probability_up float8, confidence float8,
    close float8, spread float8, volatility float8,
    model text collate "C", model_digest text, feature_digest text, environment_digest text,
    backfilled boolean, message_id text, position text,
    primary key (symbol, timeframe_s, as_of_us, horizon_s, model)
)
"""

INDEXES = """
create index if not exists predictions_by_time
    on predictions (as_of_us, symbol, timeframe_s, horizon_s, model)
"""


class Prediction(Struct, frozen=True, kw_only=True):
    """The probability that the mid is higher at the horizon than at the close of a bar."""

    symbol: str
    timeframe_s: int
    as_of_us: int
    observed_at_us: int
    horizon_s: int
    probability_up: float
    confidence: float
    close: float
    spread: float
    volatility: float
    model: str
    model_digest: str
    feature_digest: str
    environment_digest: str
    backfilled: bool
    message_id: str
    position: str


def apply(rows: Rows, message: Message[PredictionMade]) -> None:
    """A model predicts once per bar."""
    rows.put(
        PREDICTIONS,
        **asdict(message.event),
        message_id=message.envelope.message_id,
        position=str(message.position),
    )


PROJECTION = Projection(
    "predictions", 1, DDL, ("predictions",), (PredictionMade,), apply, indexes=INDEXES
)

MADE = Query(
    "predictions",
    Prediction,
    ("as_of_us", "symbol", "timeframe_s", "horizon_s", "model"),
    (
        SYMBOL,
        equals("timeframe_s", "only predictions on bars of this many seconds", Kind.NUMBER),
        equals("model", "only this model"),
        *during("as_of_us"),
    ),
)
