"""A model: trained, then promoted to predict."""

from __future__ import annotations

from typing import assert_never

from msgspec import Struct
from msgspec.structs import asdict, replace

from commands.command import Command
from commands.decider import Decider
from events.models import ModelPromoted, ModelTrained, PromotionRefused


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
ModelEvent = ModelTrained | ModelPromoted | PromotionRefused
EVENTS = (ModelTrained, ModelPromoted, PromotionRefused)


class Model(Struct, frozen=True):
    """Every training that was registered, and which of them predicts.

    `refused`: the digest that was refused last, so that a repeat of it decides nothing.
    """

    trained: tuple[ModelTrained, ...] = ()
    promoted: str | None = None
    refused: str | None = None


def decide(command: ModelCommand, model: Model) -> tuple[ModelEvent, ...]:
    """Only what was registered can be promoted."""
    known = next((t for t in model.trained if t.model_digest == command.model_digest), None)
    match command:
        case RegisterModel():
            return () if known else (ModelTrained(**asdict(command)),)
        case PromoteModel():
            return _promoted(command, known, model)
        case _:
            assert_never(command)


def evolve(model: Model, event: ModelEvent) -> Model:
    """The model after the event."""
    match event:
        case ModelTrained():
            return replace(model, trained=(*model.trained, event), refused=None)
        case ModelPromoted():
            return replace(model, promoted=event.model_digest, refused=None)
        case PromotionRefused():
            return replace(model, refused=event.model_digest)
        case _:
            assert_never(event)


def _promoted(
    command: PromoteModel, known: ModelTrained | None, model: Model
) -> tuple[ModelEvent, ...]:
    digest = command.model_digest
    if known is None:
        refused = PromotionRefused(model=command.model, model_digest=digest)
        return () if model.refused == digest else (refused,)
    if model.promoted == digest:
        return ()
    return (
        ModelPromoted(
            model=command.model,
            model_digest=digest,
            feature_digest=known.feature_digest,
            timeframe_s=known.timeframe_s,
            horizon_s=known.horizon_s,
        ),
    )


MODELS: Decider[ModelCommand, Model, ModelEvent] = Decider(
    name="models",
    commands=COMMANDS,
    events=EVENTS,
    stream=lambda command: command.model,
    initial=Model(),
    decide=decide,
    evolve=evolve,
)
