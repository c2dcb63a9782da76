"""Replays a tape of `tests.infra.whatif.live` in a process of its own, with its model."""

from __future__ import annotations

import os
import sys

from infra.cli import main
from infra.config import Config
from infra.models import files
from infra.models.environment import environment_digest
from tests.infra.edited import Stub

if __name__ == "__main__":
    here = environment_digest(Config.load(os.environ))
    files.load = lambda _, digest: Stub(digest, environment_digest=here)  # type: ignore
    sys.exit(main.main(["replay", "--level", "R3", "--json", "--jobs", "1", "--verify"]))
