"""The model store: what goes in comes out, and what was changed does not."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from infra.config import Config
from infra.models import files
from infra.models.environment import environment, environment_digest
from processors.models.gbt import ModelRefused
from processors.training.trees import trained
from tests.processors.training.rows import FIRST, SECOND

UBJ = trained(FIRST, SECOND, threads=1).ubj


@pytest.fixture
def home(tmp_path: Path) -> Config:
    return Config.load({"TAPEDECK_HOME": str(tmp_path)})


def test_a_model_is_kept_under_its_digest_and_loaded_by_it(home: Config) -> None:
    digest = files.put(home, UBJ, b"{}")
    loaded = files.load(home, digest)
    assert (loaded.model_digest, loaded.environment_digest) == (digest, environment_digest(home))
    names = sorted(path.name for path in files.folder(home).iterdir())
    assert names == [f"{digest}.json", f"{digest}.ubj"]


def test_putting_it_again_is_harmless(home: Config) -> None:
    assert files.put(home, UBJ, b"{}") == files.put(home, UBJ, b"{}")
    assert len(list(files.folder(home).iterdir())) == 2


@pytest.mark.parametrize("change", [UBJ[:-1], UBJ + b"\x00", UBJ[:100] + b"?" + UBJ[101:], b""])
def test_a_file_that_was_tampered_with_is_refused(home: Config, change: bytes) -> None:
    digest = files.put(home, UBJ, b"{}")
    (files.folder(home) / f"{digest}.ubj").write_bytes(change)
    with pytest.raises(ModelRefused, match=f"the bytes of model {digest} were changed"):
        files.load(home, digest)


def test_a_model_that_is_not_there_is_refused_with_what_to_do(home: Config) -> None:
    with pytest.raises(
        ModelRefused, match="does not exist; copy it there, or run `tapedeck train`"
    ):
        files.load(home, "0" * 64)


def test_the_environment_is_all_that_the_bits_may_depend_on(home: Config) -> None:
    facts = environment(home)
    assert set(facts) == {
        "python",
        "libc",
        "system",
        "machine",
        "cpu_flags",
        "inference_threads",
        "batch_rows",
        "lock",
        "features",
        "schemas",
        "configuration",
        "numpy",
        "xgboost",
    }
    assert all(facts.values())
    assert len(environment_digest(home)) == 64
    assert environment_digest(home) != environment_digest(dataclasses.replace(home, accounts=()))
