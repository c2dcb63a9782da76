"""What a program's broker quotes, and what goes wrong there, as the options say."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from infra.cli import main as cli
from infra.mt5.shim import Options, environment, simulated, told
from infra.mt5.simulator.faults import FaultRule

NOON = datetime(2025, 11, 20, 12, tzinfo=UTC)
BUY = {"action": 1, "symbol": "EURUSD", "volume": 0.1, "type": 0, "deviation": 500}
TICKS = "ts_ms,bid,ask\n1398902402230,1.38661,1.38668\n1398902402844,1.38662,1.38671\n"
BARS = (
    "ts_ms,open,high,low,close,volume\n"
    "1514844000000,1.2003,1.2010,1.2001,1.2005,0\n"
    "1514844060000,1.2005,1.2007,1.1990,1.1995,0\n"
)


def file_with(folder: Path, text: str) -> str:
    path = folder / "EURUSD.csv"
    path.write_text(text)
    return str(path)


def test_recorded_ticks_are_all_that_is_quoted_and_time_begins_with_them(tmp_path: Path) -> None:
    recorded = {"EURUSD": file_with(tmp_path, TICKS)}
    with simulated(Options(symbols=("EURUSD",), recorded=recorded)) as mt5:
        assert mt5.initialize()
        first = mt5.symbol_info_tick("EURUSD")
        assert (first.time_msc, first.bid, first.ask) == (1398902402230, 1.38661, 1.38668)
        for _ in range(70):  # ten milliseconds each
            last = mt5.symbol_info_tick("EURUSD")
        assert (last.time_msc, last.bid, last.ask) == (1398902402844, 1.38662, 1.38671)


def test_recorded_bars_are_the_bars_that_a_program_sees(tmp_path: Path) -> None:
    recorded = {"EURUSD": file_with(tmp_path, BARS)}
    options = Options(symbols=("EURUSD",), recorded=recorded, server_offset_h=2.0)
    with simulated(options) as mt5:
        assert mt5.initialize()
        for _ in range(12_100):
            mt5.symbol_info_tick("EURUSD")
        seen = mt5.copy_rates_from_pos("EURUSD", mt5.TIMEFRAME_M1, 0, 2)
        assert seen["time"].tolist() == [1514844000 + 7_200, 1514844060 + 7_200]
        assert [tuple(row)[1:5] for row in seen.tolist()] == [
            (1.2003, 1.201, 1.2001, 1.2005),
            (1.2005, 1.2007, 1.199, 1.1995),
        ]


@pytest.mark.parametrize(
    ("text", "told_of"),
    [
        ("nothing here\n", "neither ticks nor minute bars"),
        ("ts_ms,open,high,low,close\nnow,1,1,1,1\n", "could not convert"),
        (BARS + "1514844000000,1,1,1,1,0\n", "not in the order of their times"),
    ],
)
def test_a_file_that_is_no_recording_is_told(tmp_path: Path, text: str, told_of: str) -> None:
    options = Options(symbols=("EURUSD",), recorded={"EURUSD": file_with(tmp_path, text)})
    with pytest.raises(ValueError, match=told_of):
        options.broker(options.clock())


def test_a_rule_spoils_a_call_of_the_program() -> None:
    options = Options(starts_at=NOON, faults=(FaultRule(kind="lose_after"),))
    with simulated(options) as mt5:
        assert mt5.initialize()
        assert mt5.order_send({**BUY, "price": mt5.symbol_info_tick("EURUSD").ask}) is None
        assert mt5.last_error()[0] == mt5.RES_E_INTERNAL_FAIL_RECEIVE
        assert mt5.initialize()
        assert len(mt5.positions_get()) == 1, "it was dealt, and the answer was lost"


def luck(seed: int) -> list[Any]:
    """What befalls a day of looking once a minute."""
    options = Options(seed=seed, starts_at=NOON, faults_per_hour=60.0, mishaps_per_day=10.0)
    seen = []
    with simulated(options) as mt5:
        assert mt5.initialize()
        for _ in range(4_000):
            if mt5.positions_total() is None:
                seen.append(mt5.last_error())
                mt5.initialize()
        seen.append(mt5.symbol_info_tick("EURUSD"))
    return seen


def test_faults_by_the_seed_are_the_seeds() -> None:
    assert luck(7) == luck(7)
    assert luck(7) != luck(8)


def test_a_request_takes_the_time_that_it_is_told_to() -> None:
    options = Options(starts_at=NOON, way_ms=40, desk_ms=500)
    with simulated(options) as mt5:
        assert mt5.initialize()
        price = mt5.symbol_info_tick("EURUSD").ask
        sent = mt5.order_send({**BUY, "price": price})
        assert sent.retcode == mt5.TRADE_RETCODE_DONE
        (position,) = mt5.positions_get()
        began_ms = round(NOON.timestamp() * 1_000) + 3 * 10  # login, tick, order
        assert position.time_msc == began_ms + 40 + 500


@pytest.mark.parametrize(
    ("wrong", "told_of"),
    [
        ({"faults_per_hour": -1.0}, "give 0 to 3,600"),
        ({"mishaps_per_day": 99.0}, "give 0 to 15"),
        ({"desk_ms": -1}, "give 0 to 3,600,000"),
        ({"faults": (FaultRule(kind="wrong_account", login=5),)}, "there is no account 5"),
        ({"recorded": {"XAGUSD": "nowhere"}}, "give it with --symbols"),
    ],
)
def test_options_without_sense_are_told(wrong: dict[str, Any], told_of: str) -> None:
    clock = Options(starts_at=NOON).clock()
    with pytest.raises(ValueError, match=told_of):
        Options(**wrong).broker(clock)


def test_rules_and_recordings_reach_a_child() -> None:
    options = Options(faults=(FaultRule(kind="crash", for_ms=5),), recorded={"EURUSD": "a file"})
    assert told(environment(options, {})) == options


@pytest.mark.parametrize(
    ("words", "told_of"),
    [
        (["--recorded", "EURUSD"], "give SYMBOL=FILE"),
        (["--recorded", "EURUSD=/nowhere/at/all"], "cannot be read"),
        (["--faults", "RULES"], "is no list of fault rules"),
    ],
)
def test_the_command_says_what_is_wrong(
    words: list[str], told_of: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = tmp_path / "rules.json"
    rules.write_bytes(msgspec.json.encode([{"kind": "unheard of"}]))
    given = [str(rules) if word == "RULES" else word for word in words]
    assert cli.main(["mt5", "shim", *given, "--", "python", "-V"]) == 2
    assert told_of in capsys.readouterr().err
