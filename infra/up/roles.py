"""The roles of a platform: what can be run alone, and what `tapedeck up` runs."""

from __future__ import annotations

from dataclasses import dataclass

from infra.config import Config
from infra.settings import LOCAL, METRICS_PORTS

PROCESSORS = ("bars", "features", "inference", "signals")
WITNESSES = ("witness", "notary")


@dataclass(frozen=True, slots=True)
class Kind:
    """A role as code: `module.run(config, stop, **options)`, and what it must be told."""

    name: str
    module: str
    summary: str
    option: str = ""


@dataclass(frozen=True, slots=True)
class Role:
    """A role as one process of `up`. Stages start in rising order and stop in falling order."""

    name: str
    arguments: tuple[str, ...]
    stage: int


KINDS: tuple[Kind, ...] = (
    Kind("venue", "infra.run.venue", "simulated broker that all accounts trade on"),
    Kind("registry", "infra.run.registry", "schema registry"),
    Kind("bridge", "infra.run.bridge", "terminals' ticks onto the tape"),
    Kind("processor", "infra.run.processor", "one stream processor, by name", option="name"),
    Kind("relay", "infra.run.relay", "decisions from the event store onto the tape"),
    Kind("commands", "infra.run.commands", "commands through the deciders"),
    Kind("sagas", "infra.run.sagas", "what must happen next"),
    Kind("agent", "infra.run.agent", "terminals of one account over gRPC", option="account"),
    Kind("gateway", "infra.run.gateway", "orders of one account to its terminal", option="account"),
    Kind("projections", "infra.run.projections", "the tape into tables"),
    Kind("proofs", "infra.run.proofs", "sign what stands in the logs of the tape"),
    Kind("witness", "infra.run.witness", "remember what the logs have shown", option="name"),
    Kind("canary", "infra.run.canary", "a canary a second, to be missed where it stays away"),
    Kind("read-api", "infra.run.read_api", "REST, WebSocket, SSE over the tables"),
)

REGISTRY = Role("registry", ("registry",), 0)
VENUE = Role("venue", ("venue",), 1)


def services(config: Config) -> tuple[Role, ...]:
    """Roles that must answer before the tape can be prepared."""
    return (VENUE,) if "registry" in config.external else (REGISTRY, VENUE)


def workers(config: Config) -> tuple[Role, ...]:
    """Roles that work on a prepared tape: readers first, sources last."""
    plain = [Role(name, (name,), 2) for name in ("read-api", "projections", "canary", "proofs")]
    plain += [Role(name, ("witness", name), 2) for name in WITNESSES]
    local = config.accounts if config.agents == (LOCAL,) else ()
    agents = [Role(f"agent-{a}", ("agent", a), 2) for a in local]
    gateways = [Role(f"gateway-{a}", ("gateway", a), 3) for a in config.accounts]
    deciding = [Role(name, (name,), 4) for name in ("commands", "relay", "sagas")]
    processors = [Role(f"processor-{p}", ("processor", p), 5) for p in reversed(PROCESSORS)]
    return (*plain, *agents, *gateways, *deciding, *processors, Role("bridge", ("bridge",), 6))


def metrics_port(config: Config, role: Role) -> int:
    """The port on which this role of `up` serves its metrics."""
    names = [r.name for r in (REGISTRY, VENUE, *workers(config))]
    place = names.index(role.name)
    if place >= METRICS_PORTS:
        raise ValueError(f"{len(names)} roles need more than {METRICS_PORTS} metrics ports")
    return config.ports.metrics + place
