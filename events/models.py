"""What is known of the models that predict."""

from __future__ import annotations

from events.envelope import Event


class ModelTrained(Event, frozen=True, kw_only=True):
    """A model was trained on a part of the tape; its figures come from data it had not seen."""

    model: str
    model_digest: str
    feature_digest: str
    dataset_digest: str
    environment_digest: str
    timeframe_s: int
    horizon_s: int
    rows_train: int
    rows_test: int
    base_rate: float
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    log_loss: float
    trained_to_us: int


class ModelPromoted(Event, frozen=True, kw_only=True):
    """This model is the one that predicts from now on."""

    model: str
    model_digest: str
    feature_digest: str
    timeframe_s: int
    horizon_s: int


class PromotionRefused(Event, frozen=True, kw_only=True):
    """A model was to be promoted that had never been registered. The one before goes on."""

    model: str
    model_digest: str
