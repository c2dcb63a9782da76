"""Files that people name: what is wrong with one is told in a line."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.cli import audit
from infra.cli import main as cli
from infra.config import Config, ConfigError
from infra.proofs import bundle
from infra.proofs.keys import log_keys
from infra.run import witness
from infra.run.proofs import written_keys


@pytest.mark.parametrize("file", ["missing", "missing/one", "."])
def test_a_proof_that_cannot_be_read_is_told_in_one_line(
    file: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("TAPEDECK_HOME", str(tmp_path))
    (tmp_path / "one.tlog-proof").mkdir()
    asked = tmp_path / ("one" if file == "." else file)
    assert cli.main(["audit", "check", str(asked)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    reason = "Is a directory" if file == "." else "No such file or directory"
    assert line == f"tapedeck: {asked}.tlog-proof: {reason}"


@pytest.mark.parametrize("words", ["dlq list", "replay", "erase", "play FILE"])
def test_a_home_without_a_tape_is_not_another_s(
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The ports that nobody has given may be those of a copy that runs elsewhere."""
    for name in [name for name in os.environ if name.startswith("TAPEDECK_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TAPEDECK_HOME", str(tmp_path))
    assert cli.main(words.split()) == cli.USAGE_ERROR
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"tapedeck: nothing has run in {tmp_path}; give ")


def test_what_is_no_file_s_fault_is_not_told_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> int:
        raise ConnectionResetError(104, "reset")

    monkeypatch.setattr("infra.cli.config.main", broken)
    with pytest.raises(ConnectionResetError):
        cli.main(["config"])


def _no_zip(folder: Path) -> list[str]:
    (folder / "bundle").write_text("no zip")
    return ["bundle"]


def _no_policy(folder: Path) -> list[str]:
    (folder / "policy").write_text("log")
    (folder / "bundle").write_bytes(b"PK\5\6" + bytes(18))  # a zip file with nothing in it
    return ["bundle", "--policy", "policy"]


@pytest.mark.parametrize("made", [lambda _: ["missing"], _no_zip, _no_policy])
def test_the_stand_alone_verifier_has_one_line_for_what_it_cannot_read(
    made: Callable[[Path], list[str]], tmp_path: Path
) -> None:
    (tmp_path / "verify.py").write_text(bundle.verifier())
    done = subprocess.run(
        [sys.executable, "-I", "-S", "verify.py", *made(tmp_path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("BAD ")
    assert len(done.stderr.splitlines()) == 1


def test_keys_of_another_version_are_told(config: Config) -> None:
    file = witness.keys_file(config)
    file.parent.mkdir(parents=True)
    file.write_text(written_keys(log_keys(config.home, make=True)).split("\n")[0])
    with pytest.raises(ConfigError, match="the keys of 1 logs, and this version"):
        audit.keys_of(config)


def test_the_first_port_is_shown_as_it_was_given(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("TAPEDECK_HOME", str(tmp_path))
    monkeypatch.setenv("TAPEDECK_PORT_BASE", "9000")
    assert cli.main(["config"]) == 0
    (line,) = [x for x in capsys.readouterr().out.splitlines() if "TAPEDECK_PORT_BASE" in x]
    assert line.split()[1:3] == ["given", "9000"]
