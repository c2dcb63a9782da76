"""A way to Postgres that can be cut right after a COMMIT was passed on, before its answer is."""

from __future__ import annotations

import socket
import threading
from contextlib import closing, suppress
from urllib.parse import urlsplit

CHUNK_BYTES = 65_536


class CutAtCommit:
    """Listens on a port of its own and passes everything to the server behind it.

    Between `go_away` and `come_back` nobody gets through, as if the server were down.
    """

    def __init__(self, dsn: str) -> None:
        self._server = (urlsplit(dsn).hostname or "127.0.0.1", urlsplit(dsn).port or 5432)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._armed = threading.Event()
        self._away = threading.Event()
        self._ends: list[socket.socket] = []
        self.cuts = 0
        port = self._listener.getsockname()[1]
        place = urlsplit(dsn)
        user = f"{place.username}:{place.password}@" if place.username else ""
        self.dsn = place._replace(netloc=f"{user}127.0.0.1:{port}").geturl()
        threading.Thread(target=self._accept, daemon=True).start()

    def arm(self) -> None:
        """Cut the next connection that commits."""
        self._armed.set()

    def go_away(self) -> None:
        """Break every connection, and each that is tried from now on."""
        self._away.set()
        for end in self._ends:
            with suppress(OSError):  # it may be closed already
                end.shutdown(socket.SHUT_RDWR)
        self._ends.clear()

    def come_back(self) -> None:
        """Let everyone through again."""
        self._away.clear()

    def close(self) -> None:
        """Listen no more."""
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._away.is_set():
                client.close()
                continue
            server = socket.create_connection(self._server)
            self._ends += (client, server)
            threading.Thread(target=self._pass_on, args=(client, server), daemon=True).start()

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        cut = threading.Event()
        threading.Thread(target=self._pass_back, args=(client, server, cut), daemon=True).start()
        with closing(client), closing(server), suppress(OSError):
            while data := client.recv(CHUNK_BYTES):
                if self._armed.is_set() and b"COMMIT" in data:
                    self._armed.clear()
                    self.cuts += 1
                    cut.set()
                server.sendall(data)

    def _pass_back(
        self, client: socket.socket, server: socket.socket, cut: threading.Event
    ) -> None:
        with suppress(OSError):  # either end may go at any time: that is what this is for
            while data := server.recv(CHUNK_BYTES):
                if cut.is_set() and b"COMMIT" in data:
                    break
                client.sendall(data)
            client.shutdown(socket.SHUT_RDWR)
