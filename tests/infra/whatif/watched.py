"""Runs `tapedeck whatif` with the model of the tests, and tells whom the process talked to."""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import Any

import psutil
from confluent_kafka import Producer

from infra.cli import main
from infra.config import Config
from infra.models import files
from infra.models.environment import environment_digest
from infra.stream import kafka
from tests.infra.edited import Stub

LOOK_S = 0.005
TERMINALS = ("infra.mt5.link", "infra.mt5.remote", "infra.run.gateway", "infra.run.agent")


def _watch(over: threading.Event, seen: set[int]) -> None:
    own = psutil.Process()
    while not over.wait(LOOK_S):
        seen |= {each.raddr.port for each in own.net_connections() if each.raddr}


def _heard(event: str, arguments: tuple[Any, ...]) -> None:
    """What Python itself connects to, however short it is; C libraries are looked at."""
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        ports.add(arguments[1][1])


def _refused(*_: object, **__: object) -> Producer:
    raise AssertionError("a what-if makes a producer")


if __name__ == "__main__":
    here = environment_digest(Config.load(os.environ))
    files.load = lambda _, digest: Stub(digest, environment_digest=here)  # type: ignore
    kafka.Producer = _refused  # type: ignore
    over, ports = threading.Event(), set[int]()
    sys.addaudithook(_heard)
    watcher = threading.Thread(target=_watch, args=(over, ports))
    watcher.start()
    status = main.main(["whatif", *sys.argv[1:]])
    over.set()
    watcher.join()
    loaded = [name for name in TERMINALS if name in sys.modules]
    print(json.dumps({"status": status, "ports": sorted(ports), "terminals": loaded}))
