"""Gradient-boosted trees: one file of bytes that says by itself what it predicts.

Everything that shapes a prediction is inside the UBJ bytes (trees, horizon, feature schema,
calibration), so the model's digest covers all of it. One thread: the bits never depend on load.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy
import xgboost
from msgspec import DecodeError, Struct, json

from processors.features import FEATURE_DIGEST, FEATURES

CARD = "tapedeck"
"""The attribute of the trees under which the card is kept."""


class ModelRefused(ValueError):
    """Bytes that are no model, or a model that must not be used here."""


class Card(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the trees predict, from what, and how sure they were on their calibration rows."""

    model: str
    feature_digest: str
    timeframe_s: int
    horizon_s: int
    sureness: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Gbt:
    """A loaded model; a `Predictor`."""

    trees: xgboost.Booster
    card: Card
    model_digest: str
    environment_digest: str

    @property
    def model(self) -> str:
        return self.card.model

    @property
    def feature_digest(self) -> str:
        return self.card.feature_digest

    @property
    def timeframe_s(self) -> int:
        return self.card.timeframe_s

    @property
    def horizon_s(self) -> int:
        return self.card.horizon_s

    @property
    def sureness(self) -> tuple[float, ...]:
        return self.card.sureness

    def probabilities_up(self, rows: Sequence[tuple[float, ...]]) -> list[float]:
        """One probability per row; a row's bits do not depend on the others."""
        matrix = numpy.array(rows, dtype=numpy.float32)
        return [float(p) for p in self.trees.inplace_predict(matrix)]


def load(ubj: bytes, model_digest: str, environment_digest: str) -> Gbt:
    """The model in these bytes; `ModelRefused` unless they are the model of this digest.

    The library ends the process on bytes it cannot read, so only bytes that are known reach it.
    """
    found = digest_of(ubj)
    if found != model_digest:
        raise ModelRefused(
            f"the bytes of model {model_digest} were changed: their SHA-256 is {found}"
        )
    trees = xgboost.Booster()
    trees.load_model(bytearray(ubj))
    card = _card(trees)
    if card.feature_digest != FEATURE_DIGEST or trees.num_features() != len(FEATURES):
        raise ModelRefused(
            f"{card.model} was trained on features {card.feature_digest[:12]}, this code computes "
            f"{FEATURE_DIGEST[:12]}; train it again"
        )
    if not card.sureness:
        raise ModelRefused(f"{card.model} has no calibration; train it again")
    trees.set_param({"nthread": 1})
    return Gbt(trees, card, model_digest, environment_digest)


def digest_of(ubj: bytes) -> str:
    """What names a model: SHA-256 of its bytes."""
    return hashlib.sha256(ubj).hexdigest()


def save(trees: xgboost.Booster, card: Card) -> bytes:
    """The trees and their card as bytes."""
    trees.set_attr(**{CARD: json.encode(card).decode()})
    return bytes(trees.save_raw("ubj"))


def _card(trees: xgboost.Booster) -> Card:
    try:
        return json.decode(trees.attr(CARD) or "", type=Card)
    except DecodeError as broken:
        raise ModelRefused(
            f"these trees have no card that says what they predict: {broken}"
        ) from broken
