"""What is chosen on the command line is checked before anything is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from events.values import lots
from infra.config import Config, ConfigError
from infra.whatif.choices import chosen


@pytest.fixture
def home(tmp_path: Path) -> Config:
    (tmp_path / "models").mkdir()
    for digest in ("aa11", "aa22", "bb33"):
        (tmp_path / "models" / f"{digest}.ubj").touch()
    return replace(Config.load({}), home=tmp_path, accounts=("1", "2"))


def test_what_is_named_is_what_is_chosen(home: Config) -> None:
    limits = ["volume-lots-max=0.2", "2:symbols=EURUSD,XAUUSD", "2:confidence_min=0.7"]
    found = chosen(home, "bb", limits, "2")
    assert found.model == "bb33"
    assert found.accounts == frozenset({"2"})
    assert found.limits == {
        "": {"volume_lots_max": lots("0.2")},
        "2": {"symbols": ("EURUSD", "XAUUSD"), "confidence_min": 0.7},
    }


@pytest.mark.parametrize(
    ("model", "limits", "accounts", "said"),
    [
        (None, [], None, "nothing is chosen"),
        ("aa", [], None, "2 models begin so"),
        ("cc", [], None, "0 models begin so"),
        (None, [], "3", "no account '3'; there are 1, 2"),
        (None, [], ",", "names none"),
        (None, ["3:confidence_min=0.5"], None, "no account '3'"),
        (None, ["confidence=0.5"], None, "names: volume_lots_max"),
        (None, ["confidence_min"], None, r"give \[ACCOUNT:\]NAME=VALUE"),
        (None, ["confidence_min=1.5"], None, "'1.5' is no confidence_min"),
        (None, ["confidence_min=nan"], None, "'nan' is no confidence_min"),
        (None, ["volume_lots_max=-1"], None, "'-1' is no volume_lots_max"),
        (None, ["volume_lots_max=NaN"], None, "is no volume_lots_max"),
        (None, ["open_positions_max=x"], None, "'x' is no open_positions_max"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(
    home: Config, model: str | None, limits: Sequence[str], accounts: str | None, said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        chosen(home, model, limits, accounts)
