"""What real servers booked, the simulator books: the same deals give the same profit.

All 164 closes of nine accounts that the reports have the inputs for. Left out are symbols without
dollars, whose conversion rates nobody noted, and two accounts whose reports round their prices.
"""

from __future__ import annotations

import pytest

from infra.mt5 import constants as mt5
from tests.infra.mt5.simulator.histories import REPORTS, of_deals, of_positions, replayed

HEDGING = mt5.ACCOUNT_MARGIN_MODE_RETAIL_HEDGING
NETTING = mt5.ACCOUNT_MARGIN_MODE_RETAIL_NETTING
CENT = 0.0051  # and what is lost where a report writes half a cent

pytestmark = pytest.mark.skipif(not REPORTS.exists(), reason="the reports are internal")


@pytest.mark.parametrize(
    ("account", "deals"),
    [("01", 10), ("02", 17), ("03", 22), ("04", 49), ("05", 6), ("06", 12), ("07", 8)],
)
def test_hedged_positions_gain_what_they_gained(account: str, deals: int) -> None:
    told = replayed(of_positions(f"acct{account}_positions.csv"), HEDGING)
    assert len(told) == deals
    wrong = [(gained, deal) for gained, deal in told if abs(gained - deal.profit) >= CENT]
    assert wrong == []


@pytest.mark.parametrize(("account", "deals"), [("09", 5), ("11", 35)])
def test_netted_deals_gain_what_they_gained(account: str, deals: int) -> None:
    told = replayed(of_deals(f"acct{account}_deals.csv"), NETTING)
    assert len(told) == deals
    wrong = [(gained, deal) for gained, deal in told if abs(gained - deal.profit) >= CENT]
    assert wrong == []
