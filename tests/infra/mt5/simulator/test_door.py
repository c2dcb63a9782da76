"""Who does not get in, and when he does again."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from infra.mt5 import constants as mt5
from infra.mt5.simulator.door import Door
from infra.mt5.simulator.judge import ACCEPTED
from infra.mt5.simulator.settings import Dealer
from tests.infra.mt5.hand_made import BUY, desk, order
from tests.infra.mt5.worlds import MINUTE_MS, START_MS, deal, in_process, send, settings

TOO_MANY = mt5.TRADE_RETCODE_TOO_MANY_REQUESTS


def test_so_many_requests_get_in_within_any_second() -> None:
    door = Door(2, ())
    codes = [door.refusal(at) for at in (0, 400, 999, 1_000, 1_399, 1_400)]
    assert codes == [ACCEPTED, ACCEPTED, TOO_MANY, ACCEPTED, TOO_MANY, ACCEPTED]


def test_without_a_limit_all_get_in() -> None:
    door = Door(0, ())
    assert {door.refusal(0) for _ in range(1_000)} == {ACCEPTED}


def test_an_outage_ends() -> None:
    until_ms = START_MS + MINUTE_MS
    with in_process(replace(settings(), outages_ms=((START_MS, until_ms),))) as world:
        terminal = world.ready()
        info = terminal.terminal_info()
        assert info is not None
        assert not info.connected
        assert send(terminal, deal(terminal)).retcode == mt5.TRADE_RETCODE_CONNECTION
        world.clock.advance(MINUTE_MS)
        info = terminal.terminal_info()
        assert info is not None
        assert info.connected
        assert send(terminal, deal(terminal)).retcode == mt5.TRADE_RETCODE_DONE


def test_the_dealer_keeps_to_his_shares() -> None:
    account = desk(
        {},
        {"execution": mt5.SYMBOL_TRADE_EXECUTION_REQUEST},
        dealer=Dealer(rejects=0.4, cancels=0.3, fails=0.2),
        deposit=1e7,
        positions_max=1_000,
    )
    told: Counter[int] = Counter()
    for at_ms in range(1, 1_001):
        account.advance(START_MS + at_ms)
        told[account.send(order(BUY, volume=0.01)).retcode] += 1
    shares = {10006: 400, 10007: 300, 10011: 200, 10009: 100}
    assert dict(told) == {code: pytest.approx(share, abs=60) for code, share in shares.items()}


@pytest.mark.parametrize("shares", [(-0.1, 0.0, 0.0), (0.5, 0.5, 0.1)])
def test_shares_of_more_than_all_are_refused(shares: tuple[float, float, float]) -> None:
    rejects, cancels, fails = shares
    with pytest.raises(ValueError, match="shares"):
        Dealer(rejects=rejects, cancels=cancels, fails=fails)
