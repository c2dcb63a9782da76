"""A model: trained, then promoted to predict."""

from __future__ import annotations

from commands.command import Command


class RegisterModel(Command, frozen=True, kw_only=True):
    """A model has been trained on the tape."""

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


class PromoteModel(Command, frozen=True, kw_only=True):
    """The model with this digest is to predict from now on."""

    model: str
    model_digest: str


ModelCommand = RegisterModel | PromoteModel
COMMANDS = (RegisterModel, PromoteModel)
