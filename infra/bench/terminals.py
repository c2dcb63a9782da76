"""A venue and agents as processes of their own, as they are on a platform, for benchmarks."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from infra.bench.ground import started, stopped
from infra.config import Config
from infra.embedded.process import free_ports
from infra.mt5.terminal import Terminal

START_S, POLL_S = 30.0, 0.05


@contextmanager
def roles(config: Config, *named: tuple[str, ...]) -> Iterator[Config]:
    """The configuration of a home in which these roles run, each with its arguments."""
    with tempfile.TemporaryDirectory(prefix="tapedeck-bench-") as folder:
        home = Path(folder)
        ports = replace(config.ports, venue=free_ports(1)[0])
        bound = replace(config, home=home, ports=ports)
        at_work: list[subprocess.Popen[bytes]] = []
        try:
            for words in named:
                log = home / f"{'-'.join(words)}.log"
                at_work.append(started(bound, log, "run", *words))
            yield bound
        finally:
            for role in reversed(at_work):
                stopped(role)


def ready(terminal: Terminal) -> None:
    """Return when the terminal can be initialised."""
    until_s = time.monotonic() + START_S
    while not terminal.initialize():
        if time.monotonic() > until_s:
            raise TimeoutError(f"no terminal within {START_S:g} s: {terminal.last_error()}")
        time.sleep(POLL_S)
