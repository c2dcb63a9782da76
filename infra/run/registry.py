"""The schema registry as a role: the routes on loopback, the topic followed beside them."""

from __future__ import annotations

import socket
import threading

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
    store = Store(config)
    follower = store.follow(stop)
    with _listener(config.ports.registry) as listener:
        server = uvicorn.Server(
            uvicorn.Config(create_app(store), log_config=None, access_log=False, lifespan="off")
        )
        serving = threading.Thread(target=server.run, args=([listener],), name="registry-http")
        serving.start()
        while not stop.wait(WATCH_S) and follower.is_alive() and serving.is_alive():
            continue
        server.should_exit = True
        serving.join()
    if not stop.is_set():
        raise RuntimeError("the schema registry stopped by itself; its log says why")
    follower.join()


def _listener(port: int) -> socket.socket:
    """Made with its protocol named, or asyncio leaves Nagle's 40 ms on every answer."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((HOST, port))
    listener.listen(BACKLOG)
    return listener
