"""Logs, metrics and traces of a role. They wrap the runners, never the business functions."""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from typing import Any

from prometheus_client import Counter, Gauge, Histogram, start_http_server

from infra.config import Config

LATENCY_BUCKETS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)

CHATTY = {
    "tapedeck.librdkafka": "ERROR",
    "httpx": "WARNING",
    "httpx2": "WARNING",
    "faust": "WARNING",
    "mode": "WARNING",
    "aiokafka": "WARNING",
}
SAME_CHARS = 40
SAME_EVERY_S = 10.0

HANDLED = Counter("tapedeck_handled_total", "Messages handled", ("role", "topic"))
EMITTED = Counter("tapedeck_emitted_total", "Messages written", ("role", "topic"))
REPEATS = Counter("tapedeck_repeats_total", "Messages recognised as repeats and dropped", ("role",))
DEAD_LETTERS = Counter("tapedeck_dead_letters_total", "Records set aside", ("role", "cause"))
QUARANTINED = Counter("tapedeck_quarantined_total", "Quotes refused", ("symbol", "reason"))
STOPPED = Gauge("tapedeck_stopped_partitions", "Partitions held by a bad record", ("role",))
LAG = Gauge("tapedeck_lag_messages", "Messages not yet handled", ("role", "topic", "partition"))
AT_WORK = Gauge("tapedeck_at_work", "1 while a role that reads no topic does its work", ("role",))
AWAY = Gauge("tapedeck_away", "1 while a dependency does not answer", ("role", "dependency"))
LATENCY = Histogram(
    "tapedeck_latency_seconds",
    "From the record's Kafka time to its effect",
    ("role", "topic"),
    buckets=LATENCY_BUCKETS_S,
)


class Sparse(logging.Filter):
    """Lets the same text through once in a while: a client without a broker repeats itself."""

    def __init__(self, every_s: float) -> None:
        super().__init__()
        self._every_s = every_s
        self._said_s: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the text of the record was not said lately."""
        text, now_s = record.getMessage()[:SAME_CHARS], time.monotonic()
        if now_s - self._said_s.get(text, -self._every_s) < self._every_s:
            return False
        self._said_s[text] = now_s
        return True


class JsonLines(logging.Formatter):
    """One JSON object a line; fields given as `extra={"tape": {...}}` stand beside the text."""

    def __init__(self, role: str) -> None:
        super().__init__()
        self._role = role

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, Any] = {
            "time": f"{moment}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "role": self._role,
            "logger": record.name,
            "text": record.getMessage(),
        }
        line.update(getattr(record, "tape", {}))
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def start(config: Config, role: str, metrics_port: int | None = None) -> None:
    """Set up the logs of this process and serve its metrics if it was given a port."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(role))
    logging.basicConfig(level=config.log_level.upper(), handlers=[handler], force=True)
    logging.getLogger("tapedeck.librdkafka").addFilter(Sparse(SAME_EVERY_S))
    for chatty, level in CHATTY.items():
        logging.getLogger(chatty).setLevel(level)
    if metrics_port is not None:
        start_http_server(metrics_port, addr="127.0.0.1")
    threading.excepthook = _thread_died


def _thread_died(args: threading.ExceptHookArgs) -> None:
    logging.getLogger("tapedeck").critical(
        "a thread of the role died",
        exc_info=(args.exc_type, args.exc_value, args.exc_traceback),  # type: ignore[arg-type] # None only at interpreter exit
    )
