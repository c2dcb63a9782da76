"""Round trips to a terminal behind its agent, beside the venue's own wire: what mTLS and gRPC cost.

Venue and agent are processes of their own, as they are on a platform.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any

from infra.bench.figures import Figure, quantile
from infra.bench.terminals import ready, roles
from infra.config import Config
from infra.mt5 import constants as mt5
from infra.mt5.remote import RemoteTerminal
from infra.mt5.terminal import Terminal
from infra.run.agent import agent_terminal

CALLS, WARM_CALLS = 2_000, 200
TOO_FEW_LOTS = 0.0001
RATIO_MAX = 10.0
"""What a call may cost more behind an agent, which is there for safety and not for speed."""


def agent(config: Config, repeat: int) -> list[Figure]:
    """Median and 99th percentile of a read and of a send, behind the agent and on the bare wire."""
    with _terminals(config) as (near, far):
        figures: list[Figure] = []
        for name, call in (("symbol_info_tick", _tick), ("order_send", _send)):
            runs = [(_times_us(call, far), _times_us(call, near)) for _ in range(repeat)]
            behind, bare = (sorted(chain(*times)) for times in zip(*runs, strict=True))
            for share in (0.5, 0.99):
                ours, theirs = quantile(behind, share), quantile(bare, share)
                title = f"agent {name} p{share * 100:.0f}"
                figures.append(
                    Figure(title, ours, "bare TCP", theirs, "us", RATIO_MAX, ceiling=True)
                )
    return figures


@contextmanager
def _terminals(config: Config) -> Iterator[tuple[Terminal, Terminal]]:
    """One account's terminal at the venue, and the same behind an agent."""
    account = config.accounts[0]
    with roles(config, ("venue",), ("agent", account)) as bound:
        near, far = RemoteTerminal(bound.venue, account), agent_terminal(bound, account)
        try:
            ready(near)
            ready(far)
            yield near, far
        finally:
            near.shutdown()
            far.shutdown()


def _times_us(call: Callable[[Terminal], Callable[[], Any]], terminal: Terminal) -> list[float]:
    prepared = call(terminal)
    times_us: list[float] = []
    for number in range(-WARM_CALLS, CALLS):
        began_ns = time.perf_counter_ns()
        answer = prepared()
        if number >= 0:
            times_us.append((time.perf_counter_ns() - began_ns) / 1_000)
        if answer is None:
            raise RuntimeError(f"a call failed: {terminal.last_error()}")
    return times_us


def _tick(terminal: Terminal) -> Callable[[], Any]:
    return lambda: terminal.symbol_info_tick("EURUSD")


def _send(terminal: Terminal) -> Callable[[], Any]:
    """An order that the venue looks at and refuses: the book stays as small as it was."""
    request = {
        "action": mt5.TRADE_ACTION_DEAL,
        "symbol": "EURUSD",
        "type": mt5.ORDER_TYPE_BUY,
        "volume": TOO_FEW_LOTS,
        "price": 1.0,
    }
    return lambda: terminal.order_send(request)
