"""Models on disk, named by what they are: `models/<sha256>.ubj`, and beside it its figures as JSON.

A file is written whole or not at all, and is never changed. Bytes that are not what the name says
are refused, so a model that was tampered with never predicts.
"""

from __future__ import annotations

from pathlib import Path

from infra import whole
from infra.config import Config
from infra.models.environment import environment_digest
from processors.models import gbt
from processors.models.gbt import Gbt, ModelRefused


def folder(config: Config) -> Path:
    """Where the models of this copy are."""
    return config.home / "models"


def put(config: Config, ubj: bytes, figures: bytes) -> str:
    """Keep a model and its figures; its digest. Again is harmless."""
    digest = gbt.digest_of(ubj)
    whole.write(folder(config) / f"{digest}.json", figures)
    whole.write(folder(config) / f"{digest}.ubj", ubj)
    return digest


def load(config: Config, digest: str) -> Gbt:
    """The model with this digest, ready to predict here; `ModelRefused` says why not."""
    path = folder(config) / f"{digest}.ubj"
    if not path.exists():
        raise ModelRefused(f"{path} does not exist; copy it there, or run `tapedeck train`")
    return gbt.load(path.read_bytes(), digest, environment_digest(config))
