"""A stand-in for a role, of the standard library alone: it listens, answers and waits."""

from __future__ import annotations

import json
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit


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
    quote = {"bid": 1.1, "ask": 1.20003, "source_seq": now_us // 100_000, "ts_source_us": now_us}
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


if __name__ == "__main__":
    _role(int(sys.argv[1]))
