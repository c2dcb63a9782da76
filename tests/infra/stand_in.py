"""`tapedeck` with stand-ins for its roles, so that coming up and going down is tested alone.

The processes, services, signals, files and screens are the real ones; a role only listens and
waits, and the read API's answers are canned.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

from infra import boot, cli, cli_up
from infra.config import Config
from infra.roles import Role
from infra.supervisor import Supervisor

PORTS = {"read-api": "api", "registry": "registry", "venue": "venue"}


def stand_in(config: Config, role: Role) -> list[str]:
    """How a role is run here."""
    port = getattr(config.ports, PORTS[role.name]) if role.name in PORTS else 0
    return _again("role", str(port))


class Answers(BaseHTTPRequestHandler):
    """A quiet market: every list has one item, of now."""

    def do_GET(self) -> None:
        """Whatever is asked."""
        body = json.dumps({"items": _items(urlsplit(self.path).path)}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the log is for the test."""


def _items(path: str) -> list[dict[str, Any]]:
    now_us = time.time_ns() // 1000
    quote = {"bid": 1.1, "ask": 1.2, "source_seq": now_us // 100_000, "ts_source_us": now_us}
    times = {"as_of_us": now_us, "observed_at_us": now_us, "at_us": now_us}
    thought = {"probability_up": 0.7, "confidence": 0.9, "horizon_s": 60}
    legs = [
        {"account": a, "state": "filled", "filled_lots": "0.1000", "price": "1.1", "detail": None}
        for a in ("90001", "90002", "90003")
    ]
    deed = {"side": "buy", "state": "completed", "price_reference": 1.1, "legs": legs}
    known = {"/ticks", "/predictions", "/signals", "/executions"}
    return [{"symbol": "EURUSD", **quote, **times, **thought, **deed}] if path in known else []


def _role(port: int) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print("ready", flush=True)
    if port:
        ThreadingHTTPServer(("127.0.0.1", port), Answers).serve_forever()
    while True:
        signal.pause()


def _again(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "tests.infra.stand_in", *arguments]


def _tapedeck(arguments: list[str]) -> int:
    with (
        patch.object(cli_up, "Supervisor", partial(Supervisor, argv=stand_in)),
        patch.object(cli_up, "command", _again),
        patch.object(boot, "prepare_tape"),
    ):
        return cli.main(arguments)


if __name__ == "__main__":
    if sys.argv[1] == "role":
        _role(int(sys.argv[2]))
    sys.exit(_tapedeck(sys.argv[1:]))
