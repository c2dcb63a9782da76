"""Keeps the processes of one copy running: starts, watches, restarts, stops them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

from infra.config import Config
from infra.embedded.process import ServiceError
from infra.up.children import (
    Patience,
    RoleProcess,
    Service,
    ServiceProcess,
    last_line,
    role_command,
)
from infra.up.roles import Role
from infra.up.run_file import Part, part

STOP_DEADLINE_S = 10.0


class Supervisor:
    """The children of this copy, in the order of their start. Use it from the main thread alone."""

    def __init__(
        self,
        config: Config,
        note: Callable[[str], None],
        argv: Callable[[Config, Role], list[str]] = role_command,
    ) -> None:
        self._argv = argv
        self._config = config
        self._note = note
        self._services: list[ServiceProcess] = []
        self._roles: list[RoleProcess] = []

    def use(self, config: Config) -> None:
        """Start roles with this configuration from now on."""
        self._config = config

    def tell(self, note: Callable[[str], None]) -> None:
        """Say what happens to children there from now on."""
        self._note = note

    def add_service(self, name: str, service: Service) -> None:
        """Start a service and watch it from now on."""
        watched = ServiceProcess(name, service)
        self._services.append(watched)
        service.start()
        watched.patience.begin(time.monotonic())

    def add_role(self, role: Role) -> RoleProcess:
        """Start a role and watch it from now on."""
        child = RoleProcess(self._config, role, self._argv)
        self._roles.append(child)
        self._begin(child)
        return child

    def look(self) -> None:
        """Start again what has ended and has waited long enough."""
        for watched in self._services:
            if not watched.service.running() and watched.patience.due(time.monotonic()):
                self._restart(watched)
        for child in self._roles:
            if not child.running() and child.patience.due(time.monotonic()):
                self._note(f"{child.name} ended; starting it again ({last_line(child.log)})")
                self._begin(child)

    def parts(self) -> tuple[Part, ...]:
        """What is under watch, as it is now."""
        services = [_part(s.name, s.service, s.patience) for s in self._services]
        return (*services, *(_part(c.name, c, c.patience) for c in self._roles))

    def roles(self) -> tuple[RoleProcess, ...]:
        """The roles under watch, in the order of their start."""
        return tuple(self._roles)

    def retire(self, names: Iterable[str], deadline_s: float = STOP_DEADLINE_S) -> None:
        """Stop these roles, and watch them no more."""
        gone = set(names)
        leaving = [child for child in self._roles if child.name in gone]
        self._roles = [child for child in self._roles if child.name not in gone]
        _stop_by_stage(leaving, deadline_s)

    def stop(self, deadline_s: float = STOP_DEADLINE_S) -> None:
        """Stop roles stage by stage, the last started first; then the services they stood on."""
        _stop_by_stage(self._roles, deadline_s)
        for watched in reversed(self._services):
            watched.service.stop()

    def _begin(self, child: RoleProcess) -> None:
        child.start()
        child.patience.begin(time.monotonic())

    def _restart(self, watched: ServiceProcess) -> None:
        self._note(f"{watched.name} ended; starting it again")
        try:
            watched.service.start()
        except ServiceError as wrong:
            self._note(str(wrong))
        watched.patience.begin(time.monotonic())


def _part(name: str, process: Service | RoleProcess, patience: Patience) -> Part:
    state = "running" if process.running() else "waiting"
    return part(name, process.pid if process.running() else None, state, patience.restarts)


def _stop_by_stage(children: Sequence[RoleProcess], deadline_s: float) -> None:
    for stage in sorted({child.role.stage for child in children}, reverse=True):
        _stop_together([child for child in children if child.role.stage == stage], deadline_s)


def _stop_together(children: Sequence[RoleProcess], deadline_s: float) -> None:
    for child in children:
        child.ask_to_stop()
    until_s = time.monotonic() + deadline_s
    for child in children:
        child.wait(until_s)
