"""The paper venue: a simulated broker on a loopback port, one connection per terminal."""

import logging
import socket
from threading import Event, Lock, Thread
from typing import Any

from infra.mt5 import constants as mt5
from infra.mt5 import wire
from infra.mt5.link import CallError, LinkLostError
from infra.mt5.simulator.broker import Broker
from infra.mt5.simulator.quotes import Quotes
from infra.mt5.simulator.session import Session

log = logging.getLogger(__name__)

CONNECTIONS_MAX = 128
_SEND_LIMIT_S = 30.0


class VenueServer:
    """Serves a broker until `close`. A failure that the book may not survive ends in `failure`."""

    def __init__(self, broker: Broker, host: str, port: int) -> None:
        self._broker = broker
        self._quotes = Quotes(broker.market, broker.settings.terms.currency)
        self._listener = socket.create_server((host, port), backlog=CONNECTIONS_MAX)
        self._connections: set[socket.socket] = set()
        self._threads: list[Thread] = []
        self._lock = Lock()
        self._closing = Event()
        self.failure: Exception | None = None
        self.address = "{}:{}".format(*self._listener.getsockname()[:2])
        self._accepting = Thread(target=self._accept, name="venue-accept", daemon=True)
        self._accepting.start()

    def close(self) -> None:
        """Stop accepting, end every connection, wait for the calls in progress."""
        self._closing.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join()
        with self._lock:
            for connection in self._connections:
                _hang_up(connection)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                connection, _peer = self._listener.accept()
            except OSError:
                if self._closing.is_set():
                    return
                raise
            self._threads = [thread for thread in self._threads if thread.is_alive()]
            if len(self._threads) >= CONNECTIONS_MAX:
                connection.close()
                continue
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            thread = Thread(target=self._serve, args=(connection,), name="venue", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        """One terminal, until it goes, misbehaves, or a fault breaks its link."""
        with self._lock:
            self._connections.add(connection)
        try:
            self._converse(connection)
        except (OSError, LinkLostError) as error:
            log.info("a terminal is gone: %s", error)
        except Exception as error:
            log.exception("the venue cannot go on")
            self.failure = error
        finally:
            with self._lock:
                self._connections.discard(connection)
            connection.close()

    def _converse(self, connection: socket.socket) -> None:
        session: Session | None = None
        while (body := wire.receive(connection, wire.REQUEST_BYTES_MAX)) is not None:
            number, function, arguments = wire.read_asked(body)
            if function == "hello":
                session = self._greeted(*arguments)
                frame = wire.answered(number, mt5.RES_S_OK, "Success", True)
            elif session is None:
                raise wire.FrameError(f"{function} before hello")
            else:
                frame = _answer(session, number, function, arguments)
            connection.settimeout(_SEND_LIMIT_S)
            connection.sendall(frame)

    def _greeted(self, protocol: int, login: int) -> Session:
        if protocol != wire.PROTOCOL:
            raise wire.FrameError(f"protocol {protocol}; this venue speaks {wire.PROTOCOL}")
        return Session(self._broker, self._quotes, login)


def _answer(session: Session, number: int, function: str, arguments: tuple[Any, ...]) -> bytes:
    try:
        value = session.call(function, *arguments)
    except LinkLostError:
        raise
    except CallError as error:
        return wire.answered(number, error.code, error.text, None)
    return wire.answered(number, mt5.RES_S_OK, "Success", value)


def _hang_up(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # the other side was faster
