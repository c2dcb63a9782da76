"""A named place kills at the visit that was named, and is nothing otherwise."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from infra import fault

VISITS = """
from infra import fault
for visit in range(3):
    fault.point("elsewhere")
    print(visit, flush=True)
    fault.point("here")
"""


@pytest.mark.parametrize(
    ("wanted", "visits", "ends"),
    [
        ("", 3, 0),
        ("nowhere", 3, 0),
        ("here", 1, -signal.SIGKILL),
        ("here:2", 2, -signal.SIGKILL),
        ("here:4", 3, 0),
    ],
)
def test_a_place_kills_at_the_visit_that_was_named(wanted: str, visits: int, ends: int) -> None:
    environment = {**os.environ, fault.VARIABLE: wanted}
    done = subprocess.run(
        [sys.executable, "-c", VISITS],
        env=environment,
        cwd=Path(fault.__file__).parents[1],
        capture_output=True,
        check=False,
    )
    assert len(done.stdout.split()) == visits
    assert done.returncode == ends
