"""The order in which a copy comes up: what must hold, services, the prepared tape, roles."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from urllib.parse import urlsplit

import httpx

from infra.config import Config, without_password
from infra.embedded.kafka import EmbeddedKafka
from infra.embedded.maven import java, kafka_jars
from infra.embedded.postgres import EmbeddedPostgres
from infra.embedded.process import ServiceError, refuse_used_port, spawn
from infra.mt5.paper import broker_settings
from infra.up.children import CODE, RoleProcess, bound_log, command, environment, last_line
from infra.up.roles import REGISTRY, VENUE, metrics_port, workers
from infra.up.supervisor import Supervisor

ANSWER_DEADLINE_S = 120.0
EXTERNAL_DEADLINE_S = 10.0
POSTGRES_PORT = 5432  # of an address that names none

Note = Callable[[str], None]


def check(config: Config, note: Note) -> None:
    """Refuse what cannot work before anything starts."""
    broker_settings(config)
    for what, port in _listeners(config).items():
        refuse_used_port(port, what, f"TAPEDECK_PORT_{what.upper()}")
    for role in (REGISTRY, VENUE, *workers(config)):
        port = metrics_port(config, role)
        refuse_used_port(port, f"metrics of {role.name}", "TAPEDECK_PORT_METRICS")
    _check_external(config)
    if "kafka" not in config.external:
        java()
        kafka_jars(config.cache, note)


def start_services(config: Config, supervisor: Supervisor, note: Note) -> Config:
    """Start the services that were not given as addresses. The configuration with all addresses."""
    if "postgres" not in config.external:
        postgres = EmbeddedPostgres(config.home, config.ports.postgres)
        _timed(note, "Postgres", lambda: supervisor.add_service("postgres", postgres))
        config = replace(config, postgres=postgres.dsn)
    if "kafka" not in config.external:
        ports = config.ports
        kafka = EmbeddedKafka(config.home, ports.kafka, ports.controller, config.cache)
        _timed(note, "Kafka", lambda: supervisor.add_service("kafka", kafka))
    supervisor.use(config)
    if "registry" not in config.external:
        registry = supervisor.add_role(REGISTRY)
        _timed(
            note,
            "the schema registry",
            lambda: wait_for(registry, f"{config.registry}/subjects", supervisor),
        )
    venue = supervisor.add_role(VENUE)
    _timed(note, "the venue", lambda: wait_for(venue, f"tcp://{config.venue}", supervisor))
    return config


def prepare_tape(config: Config, supervisor: Supervisor) -> None:
    """Topics, schemas, accounts, limits, the first model: shown as it happens, harmless again."""
    log = config.logs / "bootstrap.log"
    bound_log(log)
    work = spawn(command("bootstrap"), None, errors=log, env=environment(config), cwd=CODE)
    while work.poll() is None:
        supervisor.look()
        time.sleep(0.1)
    if work.returncode != 0:
        raise ServiceError(f"the tape could not be prepared: {last_line(log)} (all of it: {log})")


def start_roles(config: Config, supervisor: Supervisor) -> None:
    """Readers first, sources last."""
    for role in workers(config):
        supervisor.add_role(role)


def addresses(config: Config) -> dict[str, str]:
    """Where to look, as may be shown."""
    return {
        "API": f"{config.api}/docs",
        "ready": f"{config.api}/ready",
        "metrics": f"{config.api}/metrics",
        "Kafka": config.kafka,
        "registry": config.registry,
        "Postgres": without_password(config.postgres),
        "logs": str(config.logs),
    }


def _listeners(config: Config) -> dict[str, int]:
    needs = {"controller": "kafka"}
    ports = asdict(config.ports)
    del ports["metrics"]  # a range, one per role
    return {what: p for what, p in ports.items() if needs.get(what, what) not in config.external}


def _check_external(config: Config) -> None:
    brokers = [f"tcp://{broker}" for broker in config.kafka.split(",")]
    given = {
        "kafka": brokers,
        "postgres": [config.postgres],
        "registry": [f"{config.registry}/subjects"],
    }
    for name in sorted(config.external):
        if not any(_answers(address, EXTERNAL_DEADLINE_S) for address in given[name]):
            shown = without_password(getattr(config, name))
            raise ServiceError(
                f"TAPEDECK_{name.upper()} is {shown}, and nothing answers there; "
                "start it, or unset the variable to use the embedded one"
            )


def wait_for(child: RoleProcess, address: str, supervisor: Supervisor) -> None:
    """Return when the role answers; `ServiceError` if it does not, or will not."""
    deadline_s = time.monotonic() + ANSWER_DEADLINE_S
    while not _answers(address, deadline_s=1.0):
        if child.refused():
            raise ServiceError(last_line(child.log).removeprefix("tapedeck: "))
        supervisor.look()
        if time.monotonic() > deadline_s:
            raise ServiceError(
                f"{child.name} does not answer: {last_line(child.log)} ({child.log})"
            )
        time.sleep(0.1)


def _answers(address: str, deadline_s: float) -> bool:
    where = urlsplit(address)
    try:
        if where.scheme in ("http", "https"):
            return httpx.get(address, timeout=deadline_s).is_success
        place = (where.hostname, where.port or POSTGRES_PORT)
        socket.create_connection(place, deadline_s).close()
    except (OSError, httpx.TransportError):
        return False
    return True


def _timed(note: Note, what: str, start: Callable[[], object]) -> None:
    note(f"starting {what} …")
    began_s = time.monotonic()
    start()
    note(f"{what[0].upper()}{what[1:]} answers after {time.monotonic() - began_s:.1f} s")
