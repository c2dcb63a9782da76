"""How much an account follows."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given as generated
from hypothesis import strategies as st

from events.values import lots
from sagas.sizing import LOT_STEP, Account, volume_lots
from tests.orders import limits, opened, reported, signal


def account(**changes: Any) -> Account:
    known: dict[str, Any] = {
        "opened": opened("a"),
        "reported": reported("a"),
        "limits": limits("a"),
    }
    return Account("a", **{**known, **changes})


@pytest.mark.parametrize(
    ("confidence", "volume"),
    [(0.5, "0.01"), (0.505, "0.01"), (0.75, "0.25"), (0.99, "0.49"), (1.0, "0.50"), (7.0, "0.50")],
)
def test_volume_grows_in_a_straight_line_with_confidence(confidence: float, volume: str) -> None:
    assert volume_lots(account(), signal(confidence=confidence)) == (lots(volume), "")


def test_volume_is_cut_at_what_the_open_lots_leave_room_for() -> None:
    full = account(reported=reported("a", open_lots=lots("4.8795"), open_positions=1))
    assert volume_lots(full, signal(confidence=1.0)) == (lots("0.12"), "")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"opened": None}, "not opened"),
        ({"halted": True}, "halted"),
        ({"limits": None}, "no limits"),
        ({"reported": None}, "never reported"),
        ({"limits": limits("a", symbols=("GBPUSD",))}, "symbols GBPUSD, observed EURUSD"),
        ({"limits": limits("a", confidence_min=0.76)}, "confidence_min 0.76, observed 0.75"),
        ({"reported": reported("a", open_positions=20)}, "open_positions_max 20, observed 20"),
        (
            {"limits": limits("a", volume_lots_max=lots("0.009"))},
            "volume_lots_max 0.0090, observed 0.01",
        ),
        (
            {"reported": reported("a", open_lots=lots("4.991"))},
            "open_lots_max 5.0000, observed 4.9910",
        ),
    ],
)
def test_an_account_is_left_out_for_a_reason(changes: dict[str, Any], reason: str) -> None:
    assert volume_lots(account(**changes), signal()) == (Decimal(0), reason)


def test_a_confidence_that_is_no_number_is_not_followed() -> None:
    assert (
        volume_lots(account(), signal(confidence=float("nan")))[1]
        == "confidence_min 0.5, observed nan"
    )


def test_certainty_is_enough_where_nothing_less_is() -> None:
    strict = account(limits=limits("a", confidence_min=1.0))
    assert volume_lots(strict, signal(confidence=1.0)) == (lots("0.50"), "")


volumes = st.decimals("0", "100", places=4, allow_nan=False)


@generated(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), volumes, volumes, volumes)
def test_surer_is_never_less_and_no_limit_is_passed(
    one: float, other: float, least: float, largest: Decimal, total: Decimal, held: Decimal
) -> None:
    setting = limits(
        "a", confidence_min=least, volume_lots_max=lots(largest), open_lots_max=lots(total)
    )
    known = account(limits=setting, reported=reported("a", open_lots=lots(held)))
    less, _ = volume_lots(known, signal(confidence=min(one, other)))
    more, reason = volume_lots(known, signal(confidence=max(one, other)))
    assert less <= more <= largest
    assert more % LOT_STEP == 0
    assert (more > 0) == (reason == "")
    assert more == 0 or held + more <= total


@generated(st.floats(0, 1), st.floats(0, 0.99), st.decimals("0.01", "100", places=4))
def test_volume_is_the_line_rounded_down_to_a_whole_step(
    sure: float, least: float, largest: Decimal
) -> None:
    """Where nothing else cuts it. A part of a step is never given."""
    known = account(
        limits=limits(
            "a", confidence_min=least, volume_lots_max=lots(largest), open_lots_max=lots(1000)
        )
    )
    volume, reason = volume_lots(known, signal(confidence=sure))
    if reason:
        assert volume == 0
        assert reason.startswith("confidence_min")
        return
    share = (Fraction(str(sure)) - Fraction(str(least))) / (1 - Fraction(str(least)))
    line = Fraction(LOT_STEP) + (Fraction(lots(largest)) - Fraction(LOT_STEP)) * share
    assert Fraction(volume) % Fraction(LOT_STEP) == 0
    assert -Fraction(1, 10**20) <= line - Fraction(volume) < Fraction(LOT_STEP)
