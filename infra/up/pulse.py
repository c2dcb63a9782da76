"""What the tape does right now, read from the read API like any other client would."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace
from typing import Any

import httpx

from infra.config import Config
from infra.observe.gauges import Cost, at_work, lag_messages, memory_mib
from infra.up.roles import REGISTRY, VENUE, metrics_port, workers
from infra.up.run_file import Part

POLL_EVERY_S = 0.5
POLLS_PER_COST = 10
RATE_WINDOW_S = 10.0
TIMEOUT_S = 3.0
STARTING = "the read API is starting"
LIVE_TICKS = "live ticks"
STARTING_S_MAX = 120.0
"""After this long it is no start any more: what stands in the way is said."""
LATEST: dict[str, dict[str, str | int]] = {
    "predictions": {"limit": 6},
    "signals": {"limit": 1, "outcome": "raised"},
    "executions": {"limit": 1},
}

Item = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Beat:
    """One look: the newest of each kind, and what stood in the way if something did."""

    ticks: tuple[Item, ...] = ()
    rates: dict[str, float] = field(default_factory=dict)
    predictions: tuple[Item, ...] = ()
    signals: tuple[Item, ...] = ()
    executions: tuple[Item, ...] = ()
    trouble: str = STARTING


class Pulse:
    """A thread that looks twice a second. `first`: after how many seconds each kind was live."""

    def __init__(self, config: Config, since_s: float) -> None:
        self.beat = Beat()
        self.costs: dict[str, Cost] = {}
        self.parts: tuple[Part, ...] = ()
        self.first: dict[str, float] = {}
        self._accounts = len(config.accounts)
        self._ports = {r.name: metrics_port(config, r) for r in (REGISTRY, VENUE, *workers(config))}
        self._workers = {r.name for r in workers(config)}
        self._at_work: set[tuple[str, int | None]] = set()
        self._answered = False
        self._began_s = time.monotonic()
        self._since_s = since_s
        self._client = httpx.Client(base_url=config.api, timeout=TIMEOUT_S)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)
        self._seen: list[tuple[float, dict[str, int]]] = []

    def __enter__(self) -> Pulse:
        self._thread.start()
        return self

    def __exit__(self, *_ended: object) -> None:
        self._stop.set()
        self._thread.join()
        self._client.close()

    def look(self) -> Beat:
        """Ask once. A read API that is away leaves the last beat, and says so."""
        try:
            ticks = self._items("ticks")
            latest = {kind: self._items(kind, **asked) for kind, asked in LATEST.items()}
        except (httpx.HTTPError, ValueError) as error:
            return replace(self.beat, trouble=self._said(error))
        self._answered = True
        return Beat(ticks=ticks, rates=self._rates(ticks), trouble="", **latest)

    def state(self, p: Part) -> str:
        """What the part does; a worker that runs is starting until its metrics say that it works.

        What is no worker was waited for before any worker began.
        """
        starting = p.name in self._workers and (p.name, p.pid) not in self._at_work
        return "starting" if p.state == "running" and starting else p.state

    def _said(self, error: Exception) -> str:
        if not self._answered and time.monotonic() - self._began_s < STARTING_S_MAX:
            return STARTING
        if isinstance(error, httpx.HTTPStatusError):
            return f"read API: {error.response.status_code} {error.response.reason_phrase}"
        return f"read API: {error or type(error).__name__}"

    def _run(self) -> None:
        polls = 0
        while not self._stop.wait(POLL_EVERY_S):
            self.beat = self.look()
            self._mark(self.beat)
            for p in self.parts:
                if self.state(p) == "starting" and at_work(self._client, self._ports[p.name]):
                    self._at_work.add((p.name, p.pid))
            if polls % POLLS_PER_COST == 0:
                self.costs = {p.name: self._cost(p) for p in self.parts}
            polls += 1

    def _cost(self, p: Part) -> Cost:
        port = self._ports.get(p.name)
        return Cost(
            memory_mib=memory_mib(p.pid) if p.pid else 0,
            lag_messages=lag_messages(self._client, port) if port and p.pid else None,
        )

    def _items(self, kind: str, **parameters: str | int) -> tuple[Item, ...]:
        answer = self._client.get(f"/{kind}", params=parameters).raise_for_status()
        return tuple(answer.json()["items"])

    def _rates(self, ticks: tuple[Item, ...]) -> dict[str, float]:
        """Ticks per second of each symbol: its source numbers them without gaps."""
        now_s = time.monotonic()
        counts = {tick["symbol"]: int(tick["source_seq"]) for tick in ticks}
        self._seen = [old for old in self._seen if now_s - old[0] < RATE_WINDOW_S]
        self._seen.append((now_s, counts))
        then_s, before = self._seen[0]
        passed_s = now_s - then_s
        if not passed_s:
            return {}
        return {s: (count - before.get(s, count)) / passed_s for s, count in counts.items()}

    def _mark(self, beat: Beat) -> None:
        since_us = int(self._since_s * 1e6)
        live = {
            LIVE_TICKS: any(t["ts_source_us"] >= since_us for t in beat.ticks),
            "live predictions": any(p["observed_at_us"] >= since_us for p in beat.predictions),
            "an execution on every account": any(
                x["as_of_us"] >= since_us and filled_legs(x) >= self._accounts
                for x in beat.executions
            ),
        }
        for what, is_live in live.items():
            if is_live:
                self.first.setdefault(what, time.time() - self._since_s)


def filled_legs(execution: Item) -> int:
    """Legs of which something was filled at the broker."""
    return sum(1 for leg in execution["legs"] if float(leg["filled_lots"]) > 0)
