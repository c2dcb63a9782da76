"""A platform of its own under fire: parts are killed, services taken away; the tape is judged."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from infra.config import Config
from infra.embedded.process import free_ports
from infra.run.bridge import BACKFILL_FIRST_S
from infra.settings import METRICS_PORTS, PORT_OFFSETS, PREFIX
from infra.up import boot
from infra.up.pulse import LIVE_TICKS, Pulse
from infra.up.supervisor import Supervisor
from infra.verify.evidence import Books, quiet_place, read_books
from infra.verify.outages import LIVE_KINDS, Outage

LOOK_EVERY_S = 0.2
WARM_UP_DEADLINE_S = 180.0
QUIET_S = 5.0
QUIET_DEADLINE_S = 150.0
LISTENERS = ("relay", "projections", "proofs", "witness", "notary", "read-api")
KEPT = ("CACHE", "ACCOUNTS", "AGENTS", "TERMINALS", "SYMBOLS", "SEED", "LOG_LEVEL")

Note = Callable[[str], None]


def isolated(config: Config, home: Path) -> Config:
    """A copy of its own: home, services and ports are nobody else's."""
    port_base = free_ports(PORT_OFFSETS["metrics"] + METRICS_PORTS)[0]
    given = config.environment()
    kept = {PREFIX + name: given[PREFIX + name] for name in KEPT if PREFIX + name in given}
    own = {f"{PREFIX}HOME": str(home), f"{PREFIX}PORT_BASE": str(port_base)}
    return Config.load({**kept, **own})


@dataclass(slots=True)
class Drill:
    """A platform that is started, shot at, and brought to rest with its services still there."""

    config: Config
    note: Note
    luck: random.Random
    killed: list[str] = field(default_factory=list)
    outages: list[Outage] = field(default_factory=list)
    books: dict[str, Books] = field(default_factory=dict)
    fed_us: tuple[int, int] = (0, 0)
    """An hour before the first live tick was seen, which a bridge reads first; and its end."""
    supervisor: Supervisor = field(init=False)

    def __post_init__(self) -> None:
        self.supervisor = Supervisor(self.config, self.note)

    def begin(self) -> None:
        """Bring everything up, and wait until an order was executed on every account."""
        boot.check(self.config, self.note)
        self.config = boot.start_services(self.config, self.supervisor, self.note)
        services_s = time.time()
        boot.prepare_tape(self.config, self.supervisor)
        boot.start_roles(self.config, self.supervisor)
        live_s = self._until_live(services_s)
        for what, after_s in live_s.items():
            self.note(f"{what} {after_s:.1f} s after the services were up")
        ticks_s = services_s + live_s.get(LIVE_TICKS, WARM_UP_DEADLINE_S)
        self.fed_us = (int((ticks_s - BACKFILL_FIRST_S) * 1e6), 0)

    def watch(self, seconds: float) -> None:
        """Let it work in peace."""
        self._look_for(seconds)

    def under_fire(self, seconds: float, kill_every_s: float) -> None:
        """Let it work for `seconds`, with a `kill -9` of a random role every `kill_every_s`."""
        end_s = time.monotonic() + seconds
        while time.monotonic() < end_s:
            self._look_for(min(kill_every_s, end_s - time.monotonic()))
            if time.monotonic() < end_s + LOOK_EVERY_S:
                self._kill_one()

    def without(self, service: str, away_s: float) -> None:
        """Kill a service and keep it away; then wait until all is live again, and a while more.

        Nobody looks meanwhile, so that a role which ends is not started again before its time.
        """
        restarts = self._restarts()
        victim = next(part for part in self.supervisor.parts() if part.name == service)
        os.kill(victim.pid or 0, signal.SIGKILL)
        gone_us = _now_us()
        self.note(f"{service} is away")
        time.sleep(away_s)
        back_us = _now_us()
        live_s = self._until_live(back_us / 1e6)
        self._look_for(QUIET_S)
        ended = [n for n, c in self._restarts().items() if c > restarts[n] and n != service]
        self.outages.append(Outage(service, gone_us, back_us, tuple(ended), live_s))
        for what, after_s in live_s.items():
            self.note(f"{what} {after_s:.1f} s after {service} was let back")

    def come_to_rest(self) -> None:
        """Stop the source; when nothing moves any more, stop all but services, venue and listeners.

        The venue's books are read while the gateways still look: positions reach their stops.
        """
        self._look_for(2 * QUIET_S)
        self.fed_us = (self.fed_us[0], _now_us())
        self.supervisor.retire(["bridge"])
        self._await_quiet()
        self.books = {name: read_books(self.config, name) for name in self.config.accounts}
        self._look_for(QUIET_S)
        self.supervisor.retire([name for name in self._workers() if name not in LISTENERS])
        self._await_quiet()  # the gateways' last words come onto the tape, and into the tables

    def retire(self) -> None:
        """Stop the listeners too: nothing writes any more."""
        self.supervisor.retire(self._workers())

    def end(self) -> None:
        """Stop what still runs."""
        self.supervisor.stop()

    def _until_live(self, since_s: float) -> dict[str, float]:
        """Look after everything until each kind of event is live, and say after how long it was."""
        with Pulse(self.config, since_s) as pulse:
            deadline_s = time.monotonic() + WARM_UP_DEADLINE_S
            while len(pulse.first) < LIVE_KINDS and time.monotonic() < deadline_s:
                self._look_for(LOOK_EVERY_S)
        return pulse.first

    def _restarts(self) -> dict[str, int]:
        return {child.name: child.patience.restarts for child in self.supervisor.roles()}

    def _kill_one(self) -> None:
        alive = [c for c in self.supervisor.roles() if c.running()]
        victim = self.luck.choice(sorted(alive, key=lambda child: child.name))
        if victim.pid is not None:
            os.kill(victim.pid, signal.SIGKILL)
            self.killed.append(victim.name)
            self.note(f"killed {victim.name}")

    def _await_quiet(self) -> None:
        deadline_s = time.monotonic() + QUIET_DEADLINE_S
        place, since_s = quiet_place(self.config), time.monotonic()
        while time.monotonic() - since_s < QUIET_S:
            self._look_for(1.0)
            now = quiet_place(self.config)
            if now != place:
                place, since_s = now, time.monotonic()
            if time.monotonic() > deadline_s:
                self.note(f"still moving after {QUIET_DEADLINE_S:.0f} s")
                return

    def _look_for(self, seconds: float) -> None:
        end_s = time.monotonic() + seconds
        while time.monotonic() < end_s:
            self.supervisor.look()
            time.sleep(LOOK_EVERY_S)

    def _workers(self) -> list[str]:
        return [child.name for child in self.supervisor.roles() if child.role.stage > 1]


def _now_us() -> int:
    return time.time_ns() // 1_000
