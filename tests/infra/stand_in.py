"""`tapedeck` with stand-ins for its roles, so that coming up and going down is tested alone.

The processes, services, signals, files and screens are the real ones; a role only listens and
waits, and the read API's answers are canned.
"""

from __future__ import annotations

import sys
from functools import partial
from unittest.mock import patch

from infra.cli import main as cli
from infra.cli import up as cli_up
from infra.config import Config
from infra.up import boot, detached
from infra.up.roles import Role
from infra.up.supervisor import Supervisor

PORTS = {"read-api": "api", "registry": "registry", "venue": "venue"}


def stand_in(config: Config, role: Role) -> list[str]:
    """How a role is run here."""
    port = getattr(config.ports, PORTS[role.name]) if role.name in PORTS else 0
    return [sys.executable, "-m", "tests.infra.stand_in_role", str(port)]


def _again(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "tests.infra.stand_in", *arguments]


def _tapedeck(arguments: list[str]) -> int:
    with (
        patch.object(cli_up, "Supervisor", partial(Supervisor, argv=stand_in)),
        patch.object(detached, "command", _again),
        patch.object(boot, "prepare_tape"),
    ):
        return cli.main(arguments)


if __name__ == "__main__":
    sys.exit(_tapedeck(sys.argv[1:]))
