"""A recording tells nothing of whose it is, is a terminal again, and shows what has changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from infra.mt5.certify.answers import read, shape, written
from infra.mt5.certify.recording import RecordedStage, RecordingStage
from infra.mt5.certify.rule import Needs, NotRecorded, Rule
from infra.mt5.certify.rules import FAMILIES, RULES
from infra.mt5.certify.run import Outcome, Verdict, all_tried
from infra.mt5.certify.scene import Scene
from infra.mt5.certify.shapes import differences
from infra.mt5.certify.situations import LOGIN, OTHER, SimulatorStage
from infra.mt5.certify.stage import Refused, Stage
from infra.mt5.constants import RES_S_OK
from infra.mt5.simulator.settings import COMPANY, PASSWORD, SERVER
from infra.mt5.tuples import TICK_DTYPE, SymbolInfo, Tick
from tests.infra.mt5.certify.broken import BrokenStage, each, of

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.jsonl"))
READ = tuple(rule for rule in RULES if rule.needs is Needs.READ)
CANARY = "canary-7f3e"


def recorded(
    file: Path, rules: tuple[Rule, ...], stage: Stage | None = None, money: bool = True
) -> tuple[Verdict, ...]:
    """The verdicts of a run that was recorded."""
    with file.open("w") as to:
        recording = RecordingStage(stage or SimulatorStage(), to, money)
        return all_tried(rules, recording, lambda _done, _all: None)


def replayed(file: Path, rules: tuple[Rule, ...]) -> tuple[Verdict, ...]:
    """The verdicts over a recording."""
    return all_tried(rules, RecordedStage(file), lambda _done, _all: None)


def test_rules_that_read_hold_over_a_recording(tmp_path: Path) -> None:
    file = tmp_path / "read.jsonl"
    first = recorded(file, READ)
    assert replayed(file, READ) == first
    assert {verdict.outcome for verdict in first} == {Outcome.PASSED}


@pytest.mark.parametrize("family", ["Market orders", "Closing", "Return codes", "Failures"])
def test_rules_that_trade_hold_over_a_recording(family: str, tmp_path: Path) -> None:
    """But for one that sizes its order by the account's money, which is not told."""
    file = tmp_path / "trade.jsonl"
    recorded(file, FAMILIES[family])
    verdicts = replayed(file, FAMILIES[family])
    others = {v.rule.number: v.outcome for v in verdicts if v.outcome is not Outcome.PASSED}
    assert others == ({1331: Outcome.NOT_RUN} if family == "Closing" else {})


def test_what_failed_when_it_was_recorded_fails_again(tmp_path: Path) -> None:
    file, family = tmp_path / "wrong.jsonl", FAMILIES["Symbols"]
    first = recorded(file, family, BrokenStage(of("symbol_info", each(digits=float))))
    failed = [verdict for verdict in first if verdict.outcome is Outcome.FAILED]
    assert failed
    assert [v for v in replayed(file, family) if v.outcome is Outcome.FAILED] == failed


class Personal:
    """A stage whose account says whose it is."""

    name = "personal"

    def bars(self, _rule: Rule) -> str:
        return ""

    @contextmanager
    def scene(self, rule: Rule) -> Iterator[Scene]:
        named = each(name=lambda _: "Jane Roe", server=lambda _: "Broker-Demo")
        placed = each(path=lambda _: f"C:\\Users\\{CANARY}", data_path=lambda _: CANARY)

        def alter(name: str, answer: Any) -> Any:
            if name == "account_info" and answer:
                return named(answer)
            if name == "last_error" and answer[0] != RES_S_OK:
                return answer[0], f"{answer[1]}: {LOGIN} at Broker-Demo"
            return placed(answer) if name == "terminal_info" and answer else answer

        with BrokenStage(alter).scene(rule) as scene:
            yield scene


def test_a_recording_tells_neither_who_nor_where_nor_how_much(tmp_path: Path) -> None:
    file = tmp_path / "personal.jsonl"
    families = ("Session", "Account and terminal", "History", "Positions and orders", "Stops")
    rules = tuple(rule for family in families for rule in FAMILIES[family])
    recorded(file, rules, Personal())
    text = file.read_text()
    money = ('"balance": 100000.0', '"profit": 100000.0', '"equity": 100000.0')
    names = (str(LOGIN), str(OTHER), "Jane Roe", "Broker-Demo", SERVER, COMPANY)
    told = (*names, *money, CANARY, PASSWORD, "guess")
    assert [each for each in told if each in text] == []
    tickets = {
        line["answer"]["fields"]["order"]
        for line in map(json.loads, text.splitlines()[1:])
        if line["call"] == "order_send" and line["answer"]
    }
    assert min(tickets - {0}) >= 500_000_000_000


def test_stand_ins_are_the_same_throughout(tmp_path: Path) -> None:
    file = tmp_path / "same.jsonl"
    recorded(file, FAMILIES["Account and terminal"])
    _, lines = RecordedStage(file).head, RecordedStage(file).lines
    accounts = [
        line["answer"]["fields"]
        for calls in lines.values()
        for line in calls
        if line["call"] == "account_info"
    ]
    assert len({(each["login"], each["name"], each["server"]) for each in accounts}) == 1
    assert {each["balance"] for each in accounts if each["margin"] == 0} >= {10_000.0}


def test_amounts_stay_where_that_is_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "money.jsonl"
    recorded(file, FAMILIES["Account and terminal"], money=False)
    assert '"balance": 100000.0' in file.read_text()


def test_a_recording_gives_no_answer_to_another_question(tmp_path: Path) -> None:
    file = tmp_path / "short.jsonl"
    recorded(file, FAMILIES["Symbols"])
    stage = RecordedStage(file)
    with stage.scene(FAMILIES["Symbols"][0]) as scene, pytest.raises(NotRecorded):
        scene.terminal.positions_get()
    with stage.scene(FAMILIES["Ticks"][0]) as scene, pytest.raises(NotRecorded):
        scene.terminal.symbol_info(scene.symbol)
    (verdict,) = replayed(file, FAMILIES["Ticks"][:1])
    assert verdict.outcome is Outcome.NOT_RUN


HEAD = '{"recording": 1, "login": 1, "symbol": "EURUSD", "lots": 0.01, "names": {}}'
ASKED = '"rule": 101, "call": "version", "arguments": [], "keywords": {}'


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no json",
        '{"recording": 99}',
        "[]",
        "[" * 100_000,
        '{"recording": 1}',
        HEAD + "\n{}",
        HEAD + '\n{"rule": 101}',
        HEAD + "\n{" + ASKED + "}",
        HEAD + "\n{" + ASKED + ', "answer": 1, "error": []}',
        HEAD + "\n{" + ASKED + ', "answer": {"is": "x"}, "error": [1, ""]}',
        HEAD + "\n{" + ASKED + ', "answer": {"is": "x", "fields": 5}, "error": [1, ""]}',
    ],
)
def test_what_is_no_recording_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "none.jsonl"
    file.write_text(text)
    with pytest.raises(Refused, match="is no recording"):
        RecordedStage(file)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (of("symbol_info", each(digits=float)), "digits float"),
        (
            of("copy_ticks_from", lambda rows: rows["time"].copy().view([("time", "<i8")])),
            "array of time",
        ),
        (lambda _name, answer: False if answer is None else answer, "MT5-361: failures"),
        (
            lambda name, answer: (-1, "?") if name == "last_error" and answer[0] == -4 else answer,
            "MT5-361: failures",
        ),
    ],
)
def test_other_shapes_than_were_recorded_are_told(fault: Any, said: str, tmp_path: Path) -> None:
    golden, ours = tmp_path / "golden.jsonl", tmp_path / "ours.jsonl"
    rules = (*FAMILIES["Symbols"], *FAMILIES["Ticks"])
    recorded(golden, rules, BrokenStage(fault))
    recorded(ours, rules)
    told = list(differences(RecordedStage(golden).lines, RecordedStage(ours).lines))
    assert any(said in line for line in told)
    same = RecordedStage(ours).lines
    assert list(differences(same, same)) == []


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: file.stem)
def test_golden_recordings_hold_and_the_simulator_is_of_their_shapes(
    file: Path, tmp_path: Path
) -> None:
    assert [v for v in replayed(file, RULES) if v.outcome is Outcome.FAILED] == []
    golden = RecordedStage(file).lines
    rules = tuple(rule for rule in RULES if rule.number in golden)
    ours = tmp_path / "ours.jsonl"
    recorded(ours, rules)
    assert list(differences(golden, RecordedStage(ours).lines)) == []


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        1,
        1.0,
        "é",
        (1, "Success"),
        Tick(1, 1.0, 2.0, 0.0, 2**63, 1000, 6, 0.0),
        SymbolInfo._make([0] * len(SymbolInfo._fields)),
        (),
    ],
)
def test_answers_come_back_as_they_were(value: Any) -> None:
    again = read(json.loads(json.dumps(written(value))))
    assert again == value
    assert type(again) is type(value)


def test_rows_come_back_as_they_were() -> None:
    rows = np.zeros(3, TICK_DTYPE)
    rows["volume"] = 2**64 - 1
    rows["bid"] = 1.1
    again = read(json.loads(json.dumps(written(rows))))
    assert again.dtype == rows.dtype
    assert again.tobytes() == rows.tobytes()
    assert "volume <u8" in shape(written(rows))


def test_a_date_without_a_zone_is_the_same_on_every_machine() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    naive = at.astimezone().replace(tzinfo=None)
    assert written(naive)["rows"] == written(at)["rows"]
    assert written(naive) != written(at)


def test_a_struct_with_other_fields_keeps_them() -> None:
    fields = {**Tick(1, 1.0, 2.0, 0.0, 0, 1000, 6, 0.0)._asdict(), "more": 1}
    found = read({"is": "Tick", "fields": fields})
    assert found._fields == (*Tick._fields, "more")
