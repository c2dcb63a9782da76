"""Programs written for the vendor's package run unchanged, and it is never shadowed unasked."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

from infra.cli.main import main
from infra.mt5.shim import Options, environment, simulated
from infra.mt5.shim.module import NAME
from infra.mt5.shim.options import LOGIN
from infra.mt5.simulator.clock import VirtualClock
from tests.infra.mt5.worlds import START_MS

ROOT = Path(__file__).parents[4]
EXAMPLE = ROOT / "docs" / "mt5" / "example.py"


def shim(*words: str) -> subprocess.CompletedProcess[str]:
    """The command, as a user gives it."""
    command = [sys.executable, "-m", "infra.cli.main", "mt5", "shim", *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)


def test_a_program_in_the_vendor_s_style_runs_unchanged() -> None:
    done = shim("--", "python", str(EXAMPLE))
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == f"account {LOGIN} at Tapedeck-Paper: 100000.0 USD"
    assert lines[2].startswith("100 ticks, 10 bars, the last closes at 1.")
    assert [line.split(":")[0] for line in lines[3:6]] == ["10009 Request executed"] * 3
    assert lines[6].startswith("2 deals, profit -")


def test_what_was_traded_is_there_for_the_next_program_of_the_same_broker(tmp_path: Path) -> None:
    assert shim("--books", str(tmp_path), "--", "python", str(EXAMPLE)).returncode == 0
    count = "import MetaTrader5 as m; m.initialize(); print(m.history_deals_total(0, 2**32-1))"
    done = shim("--books", str(tmp_path), "--", "python", "-c", count)
    assert done.stdout == "3\n"
    other = shim("--books", str(tmp_path), "--seed", "8", "--", "python", "-c", count)
    assert other.returncode == 2
    assert "written under settings" in other.stderr


DAY = """
import time
from MetaTrader5 import *
assert initialize()
began = symbol_info_tick("EURUSD").time
for _ in range(24):
    time.sleep(3600)
tick = symbol_info_tick("EURUSD")
print(tick.time - began > 23 * 3600, tick)
"""


def test_a_day_of_virtual_time_is_over_in_a_moment_and_the_same_each_time() -> None:
    words = ("--starts-at", "2025-11-20T12:00", "--", "python", "-c", DAY)
    began_s = time.monotonic()
    first, second = shim(*words), shim(*words)
    assert time.monotonic() - began_s < 60
    assert first.stdout.startswith("True Tick(time=1763726")
    assert first.stdout == second.stdout


def test_children_of_the_program_find_it_too() -> None:
    inner = "from MetaTrader5 import *; print(initialize(), TRADE_RETCODE_DONE, symbols_total())"
    outer = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}])"
    done = shim("--symbols", "EURUSD,XAUUSD", "--", "python", "-c", outer)
    assert (done.stdout, done.returncode) == ("True 10009 2\n", 0)


def test_the_program_s_own_end_is_the_command_s() -> None:
    assert shim("--", "python", "-c", "raise SystemExit(7)").returncode == 7


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "give a program: tapedeck mt5 shim -- python program.py"),
        (("--", "no_such.py"), "there is no program no_such.py; give python no_such.py"),
        (("--", "no-such-program"), "there is no program no-such-program"),
        (("--symbols", "EURDKK", "--", "python"), "symbol EURDKK is not quoted by the venue"),
        (("--starts-at", "noon", "--", "python"), "time 'noon' is none; give one such as 2025"),
        (("--books", os.devnull, "--", "python"), os.devnull),
        (("--logins", "one", "--", "python"), "login 'one' is not a number"),
    ],
)
def test_what_cannot_be_run_is_told_in_a_line(
    words: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["mt5", "shim", *words]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert told in lines[0]


def test_a_test_gets_it_for_as_long_as_it_wants(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = ModuleType(NAME)
    monkeypatch.setitem(sys.modules, NAME, theirs)
    with simulated(Options(logins=(1, 2)), VirtualClock(START_MS)) as module:
        mt5 = importlib.import_module(NAME)
        assert mt5 is module
        assert mt5.initialize(login=2, password="paper")
        assert mt5.account_info().login == 2
        assert mt5.account_info()._asdict()["currency"] == "USD"
    assert importlib.import_module(NAME) is theirs


def test_equal_options_at_equal_times_give_equal_prices() -> None:
    quotes = []
    for seed in (7, 7, 8):
        with simulated(Options(seed=seed), VirtualClock(START_MS)) as mt5:
            assert mt5.initialize()
            quotes.append(mt5.symbol_info_tick("EURUSD"))
    assert quotes[0] == quotes[1] != quotes[2]


def test_an_empty_depth_is_told_as_the_package_tells_it(mt5: ModuleType) -> None:
    assert mt5.market_book_get("EURUSD") is None
    assert mt5.market_book_add("EURUSD") is True
    assert mt5.market_book_get("EURUSD") == ()
    assert mt5.market_book_add("NOSUCH") is False
    assert mt5.last_error() == (1, "Success")
    assert mt5.market_book_release("EURUSD") is True


def test_the_program_s_own_search_path_stays() -> None:
    variables = environment(Options(), {"PYTHONPATH": "mine", "PATH": "/bin"})
    first, second, _ = variables["PYTHONPATH"].split(os.pathsep)
    assert Path(first).name == "site"
    assert second == "mine"
    assert variables["PATH"].endswith("/bin")


def test_python_is_ours_unless_the_caller_chose_one() -> None:
    """What a program needs beside the simulator is in the environment that its writer is in."""
    ours = str(Path(sys.executable).parent)
    chosen = {"PATH": "/theirs/bin", "VIRTUAL_ENV": "/theirs"}
    assert environment(Options(), {"PATH": "/bin"})["PATH"] == os.pathsep.join((ours, "/bin"))
    assert environment(Options(), chosen)["PATH"] == os.pathsep.join(("/theirs/bin", ours))


def test_who_made_it_is_told_as_programs_ask(mt5: ModuleType) -> None:
    assert mt5.__author__ == "Tapedeck, simulated"
    assert mt5.__version__ == "5.0.6231"


@pytest.mark.parametrize("missing", ["msgspec", "numpy"])
def test_a_python_without_what_the_simulator_needs_is_told_how_to_get_it(missing: str) -> None:
    code = f"import sys; sys.modules[{missing!r}] = None; import MetaTrader5"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(Options(), os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    last = done.stderr.splitlines()[-1]
    assert f"has no {missing}, which the simulator needs: " in last
    assert last.endswith("-m pip install msgspec numpy zstandard")


def test_a_program_that_is_quoted_no_recording_needs_nothing_to_unpack_one() -> None:
    code = "import sys; sys.modules['zstandard'] = None; import MetaTrader5 as m; m.initialize()"
    variables = environment(Options(), os.environ)
    subprocess.run([sys.executable, "-c", code], env=variables, check=True)
