"""`tapedeck mt5 chaos`: what is no drill is refused before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.cli.main import USAGE_ERROR, main


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--minutes", "nan"), "nan minutes are no time"),
        (("--minutes", "inf"), "inf minutes are no time"),
        (("--minutes", "-1"), "-1 minutes are no time"),
        (("--accounts", "0"), "give at least one account"),
        (("--terminals", "99"), "at most 5 terminals each"),
    ],
)
def test_what_is_no_drill_is_refused(
    words: tuple[str, ...],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("TAPEDECK_HOME", str(tmp_path))
    assert main(["mt5", "chaos", *words]) == USAGE_ERROR
    assert told in capsys.readouterr().err
