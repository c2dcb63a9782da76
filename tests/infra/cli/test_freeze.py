"""`tapedeck schemas`: what is new is written, what is refused changes nothing."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

import pytest

from infra.cli import freeze as command
from infra.config import Config
from infra.stream import frozen as folder
from schemas import freeze
from tests.schemas.strategies import record


@pytest.fixture
def avsc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of frozen schemas."""
    for module in (command, folder):
        monkeypatch.setattr(module, "FOLDER", tmp_path / "avsc")
    return tmp_path / "avsc"


def tapedeck_schemas(action: str) -> int:
    parser = ArgumentParser()
    command.configure(parser)
    return command.main(Config.load({}), parser.parse_args([action]))


def test_a_class_is_written_once_and_a_refused_change_writes_nothing(
    avsc: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(freeze, "TYPES", {"R": record("R", ("a", int))})
    assert tapedeck_schemas("check") == 1
    assert tapedeck_schemas("freeze") == 0
    assert tapedeck_schemas("check") == 0
    written = {path.name: path.read_bytes() for path in avsc.iterdir()}
    assert sorted(written) == ["R.v1.avsc", "R.v1.golden.json"]

    changed = {"R": record("R", ("a", str)), "S": record("S", ("b", int))}
    monkeypatch.setattr(freeze, "TYPES", changed)
    capsys.readouterr()
    assert tapedeck_schemas("freeze") == 1
    assert "R: cannot read what was written before: a: " in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in avsc.iterdir()} == written


def test_a_class_that_grew_gets_a_version_of_its_own(
    avsc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version, fields in enumerate([(("a", int),), (("a", int), ("b", int | None, None))], 1):
        monkeypatch.setattr(freeze, "TYPES", {"R": record("R", *fields)})
        assert tapedeck_schemas("freeze") == 0
        assert tapedeck_schemas("freeze") == 0
        assert len(list(avsc.glob("R.v*.avsc"))) == version
