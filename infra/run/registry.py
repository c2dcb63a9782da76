"""The schema registry as a role: the routes on loopback, the topic followed beside them."""

from __future__ import annotations

import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import uvicorn

from infra.config import Config
from infra.embedded.process import refuse_used_port
from infra.registry.api import create_app
from infra.registry.store import Store

HOST = "127.0.0.1"
WATCH_S = 0.2
BACKLOG = 128


def run(config: Config, stop: threading.Event) -> None:
    """Serve until `stop`. Kafka may come later: until then the answer is 50001."""
    refuse_used_port(config.ports.registry, "schema registry", "TAPEDECK_PORT_REGISTRY")
    store, ended = Store(config), threading.Event()
    with ThreadPoolExecutor(2) as pool, _listener(config.ports.registry) as listener:
        server = uvicorn.Server(
            uvicorn.Config(create_app(store), log_config=None, access_log=False, lifespan="off")
        )
        parts = (pool.submit(store.follow, ended), pool.submit(server.run, [listener]))
        while not stop.wait(WATCH_S) and not any(part.done() for part in parts):
            continue
        ended.set()
        server.should_exit = True
        for part in parts:
            part.result()
    if not stop.is_set():
        raise RuntimeError("the schema registry ended by itself")


def _listener(port: int) -> socket.socket:
    """Made with its protocol named, or asyncio leaves Nagle's 40 ms on every answer."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((HOST, port))
    listener.listen(BACKLOG)
    return listener
