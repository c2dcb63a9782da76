"""`tapedeck mt5 certify` and `record`: the last line, the report, the exit status, plain errors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra.cli.main import USAGE_ERROR, main
from infra.mt5.agent import keys
from infra.mt5.agent.owner import Account, Owner
from infra.mt5.agent.server import AgentServer
from infra.mt5.certify.recording import RecordedStage, RecordingStage
from infra.mt5.certify.rule import PLAIN
from infra.mt5.certify.rules import FAMILIES
from infra.mt5.certify.run import all_tried
from infra.mt5.shim import simulated
from infra.mt5.simulator.clock import RealClock
from infra.mt5.simulator.terminal import simulated_terminal
from tests.infra.mt5 import worlds
from tests.infra.mt5.certify.broken import BrokenStage, each, of
from tests.infra.mt5.worlds import LOGIN

DEPTH = len(FAMILIES["Depth of market"])


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own, so that no copy of the platform is meant."""
    monkeypatch.setenv("TAPEDECK_HOME", str(tmp_path / "home"))
    return tmp_path


def certify(*words: str) -> int:
    """The exit status."""
    return main(["mt5", "certify", *words])


def test_the_last_line_counts(capsys: pytest.CaptureFixture[str]) -> None:
    assert certify("--terminal", "simulator", "--rules", "MT5-6") == 0
    assert capsys.readouterr().out == f"passed {DEPTH} failed 0\n"


def test_behind_an_agent_too(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    report = home / "report.md"
    words = ("--terminal", "simulator", "--through-agent", "--rules", "MT5-6")
    assert certify(*words, "--report", str(report)) == 0
    assert capsys.readouterr().out == f"passed {DEPTH} failed 0\n"
    assert "# Conformance of simulator behind an agent" in report.read_text()


def test_what_failed_is_told_and_ends_in_1(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    recording, report = home / "broken.jsonl", home / "report.json"
    with recording.open("w") as to:
        broken = BrokenStage(of("market_book_get", each(price=round)))
        rules = FAMILIES["Depth of market"]
        all_tried(rules, RecordingStage(broken, to, True), lambda _done, _all: None)
    words = ("--terminal", str(recording), "--rules", "MT5-6", "--report", str(report))
    assert certify(*words) == 1
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("MT5-604 ") for line in lines)
    assert any("another shape" in line and "price int" in line for line in lines)
    told = json.loads(report.read_text())
    failed = {row["number"] for row in told["rules"] if row["outcome"] == "failed"}
    assert failed >= {"MT5-604", "MT5-606", "MT5-607"}
    assert lines[-1] == f"passed {DEPTH - len(failed)} failed {len(failed)}"


def test_a_recording_is_written_and_can_be_certified(
    capsys: pytest.CaptureFixture[str], home: Path
) -> None:
    file = home / "depth.jsonl"
    words = ["mt5", "record", "--terminal", "simulator", "--rules", "MT5-6", "-o", str(file)]
    assert main(words) == 0
    first, second = capsys.readouterr().out.splitlines()
    calls = sum(map(len, RecordedStage(file).lines.values()))
    assert first == f"recorded {calls} calls of simulator in {file}"
    assert second == f"passed {DEPTH} failed 0"
    assert certify("--terminal", str(file), "--rules", "MT5-6") == 0
    assert capsys.readouterr().out == f"passed {DEPTH} failed 0\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--terminal", "simulated"), "is none; give simulator"),
        (("--rules", "MT5-6"), "is none; give simulator"),
        (("--terminal", "simulator", "--rules", "MT5-9999"), "no rule's number begins with"),
        (("--terminal", "simulator", "--report", "x.pdf"), "has no known suffix"),
        (("--terminal", "simulator", "--trade"), "--trade is for real terminals"),
        (("--terminal", "none.jsonl"), "is no recording"),
        (("--terminal", "none.jsonl", "--trade"), "--trade is for real terminals"),
        (("--terminal", "metatrader5"), "give --path"),
        (("--terminal", "metatrader5", "--through-agent"), "--through-agent is for the simulator"),
        (("--terminal", "127.0.0.1:1"), "cannot be linked: (-10003"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(
    words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert certify(*words) == USAGE_ERROR
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1


def test_a_recording_of_nothing_known_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mt5", "record", "--terminal", "simulator", "-o", "x.txt"]) == USAGE_ERROR
    assert ".jsonl" in capsys.readouterr().err


def test_the_rules_can_be_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert certify("--list") == 0
    assert "| MT5-812 | 10012 TIMEOUT: " in capsys.readouterr().out


def test_the_vendors_package_is_certified_where_it_is(
    capsys: pytest.CaptureFixture[str], home: Path
) -> None:
    """The simulator stands where the package would be; the path is the one that was given."""
    report = home / "vendor.json"
    words = ("--terminal", "metatrader5", "--path", "terminal64.exe", "--report", str(report))
    with simulated():
        assert certify(*words, "--rules", "MT5-20") == 0
        assert certify(*words, "--rules", "MT5-10") == 0
    lines = capsys.readouterr().out.splitlines()
    traded = [rule for rule in FAMILIES["Market orders"] if rule.situation == PLAIN]
    told = len(FAMILIES["Market orders"]) - len(traded)
    assert lines[0].startswith("passed ")
    assert lines[1] == f"passed 9 failed 0 not provokable here {told} not run {len(traded)}"
    assert json.loads(report.read_text())["terminal"] == "metatrader5 at terminal64.exe"


def test_with_leave_the_vendors_package_is_traded_through(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ("--terminal", "metatrader5", "--path", "terminal64.exe", "--trade")
    with simulated() as package:
        assert certify(*words, "--rules", "MT5-100") == 0
        assert package.history_deals_total(0, 2**32 - 1) > 9
        assert package.positions_get() == ()
    told = capsys.readouterr()
    assert told.out == "passed 9 failed 0\n"
    assert "trades on demo account 90001, 0.01 lots of EURUSD at a time" in told.err


def test_an_agent_at_an_address_is_certified(
    capsys: pytest.CaptureFixture[str], home: Path
) -> None:
    broker = worlds.broker_of(worlds.settings(), RealClock())
    shown = keys.load(keys.ensure(home / "home" / "keys", keys.agent_name(LOGIN)))
    owner = Owner(simulated_terminal(broker, LOGIN), Account(LOGIN))
    server = AgentServer(owner, LOGIN, shown)
    words = ("--terminal", server.address, "--account", str(LOGIN))
    try:
        assert certify(*words, "--rules", "MT5-36") == 0
        assert certify(*words, "--rules", "MT5-1001", "--trade") == 0
    finally:
        server.close()
    lines = capsys.readouterr().out.splitlines()
    named = [rule for rule in FAMILIES["Symbols"] if rule.name.startswith("MT5-36")]
    assert lines == [f"passed {len(named)} failed 0", "passed 1 failed 0"]


@pytest.mark.parametrize(
    "words",
    [
        ("certify", "--terminal", "simulator", "--rules", "MT5-6", "--report", "none/report.md"),
        ("record", "--terminal", "simulator", "--rules", "MT5-6", "-o", "none/made.jsonl"),
    ],
)
def test_a_file_that_cannot_be_written_is_told_before_anything_is_tried(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["mt5", *words]) == USAGE_ERROR
    assert capsys.readouterr().err.endswith("cannot be written: No such file or directory\n")
