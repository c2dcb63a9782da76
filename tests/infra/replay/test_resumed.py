"""A replay that is interrupted goes on with the parts that were not done."""

from __future__ import annotations

import dataclasses

import pytest

from infra.config import Config
from infra.replay import resumed as module
from infra.replay.level import Level
from infra.replay.part import Found, Part, recomputed
from infra.replay.range import EARLIEST, LATEST, where
from infra.replay.resumed import folder
from infra.replay.run import Outcome, replay
from tests.infra.edited import changed
from tests.infra.market import IDS
from tests.infra.replay.test_replay import market, unmodelled, whole

__all__ = ["market", "unmodelled"]


def replayed(config: Config) -> Outcome:
    return replay(
        config,
        IDS,
        where(EARLIEST),
        where(LATEST),
        verify=True,
        shown=lambda *_: None,
        level=Level.R1,
        resumes=True,
    )


def test_what_was_done_is_not_done_again(market: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    whole(market, bars=lambda out: [*out[:40], changed(out[40]), *out[41:]])
    expected = replayed(market)
    assert not folder(market).exists()
    honest, done = recomputed, list[int]()

    def interrupted(config: Config, ids: object, part: Part, shown: object) -> list[Found]:
        if done:
            raise KeyboardInterrupt
        done.append(part.number)
        return honest(config, ids, part, shown)  # type: ignore[arg-type] # handed on as it came

    monkeypatch.setattr(module, "recomputed", interrupted)
    with pytest.raises(KeyboardInterrupt):
        replayed(market)
    assert len(list(folder(market).iterdir())) == 1
    again = list[int]()

    def rest(config: Config, ids: object, part: Part, shown: object) -> list[Found]:
        again.append(part.number)
        return honest(config, ids, part, shown)  # type: ignore[arg-type] # handed on as it came

    monkeypatch.setattr(module, "recomputed", rest)
    found = replayed(market)
    assert set(again).isdisjoint(done)
    assert (found.digest, found.different) == (expected.digest, 1)
    assert found.first is not None
    assert expected.first is not None
    assert found.first.sequence == expected.first.sequence
    assert not folder(market).exists()


def test_what_other_code_or_another_stretch_came_to_is_not_taken(
    market: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = Part(0, 0, 10, None, True, resumes=True)
    name = module._name(market, part)
    assert name != module._name(market, dataclasses.replace(part, end=11))
    monkeypatch.setattr(module, "_code", lambda: "other")
    assert name != module._name(market, part)
