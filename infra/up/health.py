"""What is wrong with the copy that runs in a home, seen from outside."""

from __future__ import annotations

from pathlib import Path

import httpx

from infra.up import run_file

ANSWER_TIMEOUT_S = 3.0


def faults(home: Path) -> list[str]:
    """One sentence for each thing that is not as it should be; none: all of it runs."""
    run = run_file.read(home)
    if run is None or not run.supervisor.alive():
        return [f"nothing runs in {home}"]
    if run.phase != "running":
        return [f"it is {run.phase}"]
    dead = [f"{p.name} does not run (restarts: {p.restarts})" for p in run.parts if not p.alive()]
    return dead or _unanswered(run.addresses["ready"])


def _unanswered(url: str) -> list[str]:
    try:
        answer = httpx.get(url, timeout=ANSWER_TIMEOUT_S)
    except httpx.TransportError as error:
        return [f"the read API does not answer at {url}: {error}"]
    return [] if answer.is_success else [f"{url} says {answer.status_code}: {answer.text[:200]}"]
