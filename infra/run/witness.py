"""A witness as a role: C2SP tlog-witness over HTTP, with a key and a memory of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from infra.config import Config
from infra.embedded.process import refuse_used_port
from infra.observe import telemetry
from infra.proofs import witness
from infra.proofs.keys import witness_key
from infra.proofs.memory import MEMORIES
from infra.proofs.note import SignerKey, VerifierKey, verifier_key
from infra.proofs.witness import Memory
from infra.secrets import private

HOST = "127.0.0.1"
PATH = "/add-checkpoint"
BODY_BYTES_MAX = 65_536
REQUEST_WITHIN_S = 10.0


def folder(config: Config, name: str) -> Path:
    """Where a witness of this copy has its key and its memory."""
    return config.home / "witnesses" / name


def port(config: Config, name: str) -> int:
    """Where it listens."""
    return int(getattr(config.ports, name))


def keys_file(config: Config) -> Path:
    """The verifier keys of the logs, one a line, which the logs' keeper writes."""
    return config.home / "proofs" / "log-keys"


def run(config: Config, stop: threading.Event, name: str) -> None:
    """Answer until `stop`."""
    config.must_be_no_fork("its keys are the original's")
    private.no_dumps()
    refuse_used_port(port(config, name), name, f"TAPEDECK_PORT_{name.upper()}")
    key, memory = witness_key(folder(config, name), name), MEMORIES[name](folder(config, name))
    private.write(folder(config, name) / "witness.vkey", f"{key.public.written()}\n".encode())
    server = serve(port(config, name), key, memory, Logs(keys_file(config)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    telemetry.AT_WORK.labels(name).set(1)
    stop.wait()
    server.shutdown()
    server.server_close()
    thread.join()
    memory.close()


class Logs(Mapping[str, VerifierKey]):
    """The logs that a witness knows, by origin; the file is read again when it has changed."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._read: tuple[int, dict[str, VerifierKey]] = (0, {})

    def __getitem__(self, origin: str) -> VerifierKey:
        return self._known()[origin]

    def __iter__(self) -> Any:
        return iter(self._known())

    def __len__(self) -> int:
        return len(self._known())

    def _known(self) -> dict[str, VerifierKey]:
        try:
            written_ns = self._file.stat().st_mtime_ns
        except FileNotFoundError:
            return {}
        if written_ns != self._read[0]:
            keys = map(verifier_key, self._file.read_text().split())
            self._read = (written_ns, {key.name: key for key in keys})
        return self._read[1]


def serve(
    number: int, key: SignerKey, memory: Memory, logs: Mapping[str, VerifierKey]
) -> ThreadingHTTPServer:
    """A server on loopback that judges what it is shown."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = REQUEST_WITHIN_S

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            if self.path != PATH or not length.isdecimal() or int(length) > BODY_BYTES_MAX:
                self.close_connection = True
                self._answer(witness.Answer(witness.BAD_REQUEST, "give an add-checkpoint\n"))
                return
            body = self.rfile.read(int(length))
            self._answer(witness.judged(body, logs, memory, key, int(time.time())))

        def log_message(self, *_: Any) -> None:
            """Answers are no news."""

        def _answer(self, answer: witness.Answer) -> None:
            body = answer.body.encode()
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return ThreadingHTTPServer((HOST, number), Handler)
