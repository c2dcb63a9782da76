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


def load(ubj: bytes, environment_digest: str) -> Gbt:
    """The model in these bytes; `ModelRefused` if it is none or reads other features than ours."""
    trees = xgboost.Booster()
    try:
        trees.load_model(bytearray(ubj))
        card = json.decode(trees.attr(CARD) or "", type=Card)
    except (xgboost.core.XGBoostError, DecodeError) as broken:
        raise ModelRefused(f"these {len(ubj)} bytes are no model of ours: {broken}") from broken
    if card.feature_digest != FEATURE_DIGEST or trees.num_features() != len(FEATURES):
        raise ModelRefused(
            f"{card.model} was trained on features {card.feature_digest[:12]}, this code computes "
            f"{FEATURE_DIGEST[:12]}; train it again"
        )
    if not card.sureness:
        raise ModelRefused(f"{card.model} has no calibration; train it again")
    trees.set_param({"nthread": 1})
    return Gbt(trees, card, hashlib.sha256(ubj).hexdigest(), environment_digest)


def save(trees: xgboost.Booster, card: Card) -> bytes:
    """The trees and their card as bytes."""
    trees.set_attr(**{CARD: json.encode(card).decode()})
    return bytes(trees.save_raw("ubj"))
