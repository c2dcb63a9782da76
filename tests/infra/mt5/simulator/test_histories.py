"""The tool that compares real histories with the simulator, on reports made up here."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.infra.mt5.simulator.histories import IN_A_DAY, NO_SWAP, ONE_ROW, compared, main
from tests.infra.mt5.simulator.reports import NO_DEAL, NO_RATE, ROUNDED, read

POSITIONS = "Time,Position,Symbol,Type,Volume,Price,S / L,T / P,Time,Price,Commission,Swap,Profit\n"
DEALS = (
    "Time,Deal,Symbol,Type,Direction,Volume,Price,Order,"
    "Commission,Fee,Swap,Profit,Balance,Comment\n"
)
# A lot of EURUSD that rises by ten points gains 10.00; 3.50 a lot each way are charged.
DAY = "2024.01.09 10:00:00,1,EURUSD,buy,1,1.10000,,,2024.01.09 12:00:00,1.10010,-7,0,10.00\n"
NIGHT = "2024.01.09 10:00:00,2,EURUSD,buy,1,1.10000,,,2024.01.10 12:00:00,1.10010,-7,-2,10.00\n"
LATER = "2024.01.11 10:00:00,3,EURUSD,buy,2,1.10000,,,2024.01.12 12:00:00,1.10010,-14,-4,20.00\n"
DOLLARS = "2024.01.09 10:00:00,4,USDJPY,sell,0.5,150.5,,,2024.01.09 11:00:00,150.4,-3.5,0,33.24\n"
NETTED = (
    "2024.01.09 09:00:00,1,,balance,,,,,0,0,0,1 000.00,1 000.00,\n"
    "2024.01.09 10:00:00,2,EURUSD,buy,in,0.1,1.10000,2,-0.35,0,0,0,999.65,\n"
    "2024.01.09 11:00:00,3,EURUSD,buy,in,0.1,1.10020,3,-0.35,0,0,0,999.30,\n"
    "2024.01.10 12:00:00,4,EURUSD,sell,out,0.2,1.10030,4,-0.70,0,-0.40,4.00,1 002.20,\n"
)


def test_what_has_its_inputs_is_the_same(tmp_path: Path) -> None:
    _report(tmp_path, DAY + NIGHT + LATER + DOLLARS)
    (tally,) = map(compared, read(tmp_path))
    assert tally.differences == []
    assert tally.same == {"profit": 4, "balance": 4, "swap sign": 2, "charged": 4}
    assert tally.of == tally.same


def test_a_netted_account_is_followed_row_by_row(tmp_path: Path) -> None:
    (tmp_path / "a_deals.csv").write_text(DEALS + NETTED)
    (tally,) = map(compared, read(tmp_path))
    assert tally.differences == []
    assert tally.same == {"profit": 1, "balance": 1, "charged": 1}
    assert tally.left_out == {ONE_ROW: 1}


@pytest.mark.parametrize(
    ("right", "wrong", "found"),
    [
        (DAY, DAY.replace("10.00\n", "10.01\n"), ["profit", "balance"]),
        (DOLLARS, DOLLARS.replace("33.24", "33.23"), ["profit", "balance"]),
        (NIGHT, NIGHT.replace(",-2,", ",2,"), ["swap sign"]),
        (NIGHT, NIGHT.replace(",-2,", ",0,"), ["charged", "swap sign"]),
        (LATER, LATER.replace(",-14,-4,", ",-14.01,-4,"), ["balance"]),
    ],
)
def test_a_wrong_cent_and_a_wrong_sign_are_found(
    tmp_path: Path, right: str, wrong: str, found: list[str]
) -> None:
    rows = DAY + NIGHT + LATER + LATER.replace(",3,", ",5,") + DOLLARS
    assert right in rows
    _report(tmp_path, rows.replace(right, wrong))
    (tally,) = map(compared, read(tmp_path))
    assert [what for what in tally.of if tally.same[what] < tally.of[what]] == found
    assert len(tally.differences) == len(found)


def test_a_wrong_balance_is_found_in_its_row(tmp_path: Path) -> None:
    (tmp_path / "a_deals.csv").write_text(DEALS + NETTED.replace("1 002.20", "1 002.21"))
    (tally,) = map(compared, read(tmp_path))
    assert len(tally.differences) == 1
    assert "balance is 2.91, simulated 2.9" in tally.differences[0]


def test_what_lacks_its_inputs_is_left_out_by_its_cause(tmp_path: Path) -> None:
    cross = DAY.replace("EURUSD", "EURGBP").replace(",1,EUR", ",6,EUR")
    rounded = DAY.replace("1.10000", "1").replace(",1,EUR", ",7,EUR")
    in_a_day = DAY.replace("-7,0,", "-7,-2,").replace(",1,EUR", ",8,EUR")
    _report(tmp_path, cross + rounded + in_a_day + NIGHT)
    bare = "OpenTime,Symbol,Ticket,Type,Volume,OpenPrice,S/L,T/P,CloseTime,ClosePrice,Profit\n"
    bare += "2024-01-09 10:00:00,EURUSD,9,0,1,1.10000,,,2024-01-09 12:00:00,0,10\n"
    (tmp_path / "b_positions.csv").write_text(bare)
    free = DAY.replace(",-7,", ",0,")
    (tmp_path / "c_positions.csv").write_text(POSITIONS + free)
    tallies = [compared(report) for report in read(tmp_path)]
    assert [tally.differences for tally in tallies] == [[], [], []]
    assert tallies[0].left_out == {NO_RATE: 1, ROUNDED: 1, IN_A_DAY: 1, ONE_ROW: 1}
    assert tallies[1].left_out == {NO_DEAL: 1}
    assert tallies[2].left_out == {NO_SWAP: 1}


def test_the_tool_says_by_its_status_whether_all_is_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(tmp_path) == 1  # nothing was compared
    _report(tmp_path, DAY)
    assert main(tmp_path) == 0
    assert "1 of 1" in capsys.readouterr().out
    _report(tmp_path, DAY.replace("10.00\n", "9.99\n"))
    assert main(tmp_path) == 1
    assert "profit is 9.99, simulated 10" in capsys.readouterr().err


def _report(folder: Path, rows: str) -> None:
    (folder / "a_positions.csv").write_text(POSITIONS + rows)
