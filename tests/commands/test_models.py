"""Only a model that was registered can be promoted."""

from __future__ import annotations

from msgspec.structs import asdict, replace

from commands.models import MODELS, PromoteModel, RegisterModel
from events.models import ModelPromoted, ModelTrained, PromotionRefused
from schemas.samples import samples_of
from tests.spec import given

TRAINED = replace(samples_of(ModelTrained)[0], model="m", model_digest="d1")
PROMOTED = ModelPromoted(
    model="m",
    model_digest="d1",
    feature_digest=TRAINED.feature_digest,
    timeframe_s=TRAINED.timeframe_s,
    horizon_s=TRAINED.horizon_s,
)
PROMOTE = PromoteModel(model="m", model_digest="d1")
REFUSED = PromotionRefused(model="m", model_digest="d1")


def test_a_model_is_registered_once() -> None:
    given(MODELS).when(RegisterModel(**asdict(TRAINED))).then(TRAINED)


def test_a_registered_model_is_promoted_with_what_it_needs() -> None:
    given(MODELS, TRAINED).when(PROMOTE).then(PROMOTED)


def test_an_unknown_model_is_refused_until_it_is_registered() -> None:
    given(MODELS).when(PROMOTE, RegisterModel(**asdict(TRAINED)), PROMOTE).then(
        REFUSED, TRAINED, PROMOTED
    )


def test_the_one_before_can_be_promoted_again() -> None:
    other = replace(TRAINED, model_digest="d2")
    newer = replace(PROMOTED, model_digest="d2")
    given(MODELS, TRAINED, PROMOTED, other, newer).when(PROMOTE).then(PROMOTED)
