"""Child processes that never outlive us, and the ports they listen on."""

from __future__ import annotations

import ctypes
import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path

POLL_S = 0.05
PORT_MIN = 10_000
PORT_MAX = 32_000
_PR_SET_PDEATHSIG = 1


class ServiceError(RuntimeError):
    """A service cannot run here. Its text is one line: what is wrong and what to do."""


def spawn(
    argv: Sequence[str],
    output: Path | None,
    *,
    errors: Path | None = None,
    env: Mapping[str, str] | None = None,
    when_orphaned: signal.Signals | None = None,
    cwd: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start `argv` in its own session, so Ctrl-C reaches it through us alone.

    It writes to `output` (none: where we write), and its errors there too if `errors` is not given.

    The kernel signals it, by SIGKILL if not told otherwise, when the thread that called this ends:
    call it from the main thread. Children that are bound so are a thing of Linux; the module can be
    imported anywhere, for what else is in it.
    """
    parent, libc = os.getpid(), ctypes.CDLL(None, use_errno=True)
    orphaned = int(when_orphaned or signal.SIGKILL)

    def bind_to_parent() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, orphaned)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)

    with (
        output.open("ab") if output else nullcontext() as log,
        errors.open("ab") if errors else nullcontext(subprocess.STDOUT) as error_log,
    ):
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=error_log,
            env=None if env is None else dict(env),
            cwd=cwd,
            start_new_session=True,
            preexec_fn=bind_to_parent,
        )


def end(process: subprocess.Popen[bytes], how: signal.Signals, deadline_s: float) -> bool:
    """Signal it, wait, kill it when the deadline passes. True when it ended by itself."""
    if process.poll() is None:
        process.send_signal(how)
    try:
        process.wait(deadline_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return False
    return True


def port_is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def refuse_used_port(port: int, what: str, variable: str) -> None:
    if not port_is_free(port):
        raise ServiceError(
            f"port {port} ({what}) is in use; stop what listens there, "
            f"or set {variable} or TAPEDECK_PORT_BASE"
        )


def free_ports(count: int) -> list[int]:
    """Neighbouring ports that nobody listens on now, for copies that live a short time.

    They lie below those the system gives to outgoing connections: nobody takes them unasked.
    """
    while True:
        first = PORT_MIN + secrets.randbelow(PORT_MAX - PORT_MIN - count)
        ports = list(range(first, first + count))
        if all(port_is_free(port) for port in ports):
            return ports


def wait_until(
    ready: Callable[[], bool], process: subprocess.Popen[bytes], deadline_s: float
) -> bool:
    """Poll `ready()` until it is true, the process ends or time is up; say whether it was true."""
    end_s = time.monotonic() + deadline_s
    while time.monotonic() < end_s and process.poll() is None:
        if ready():
            return True
        time.sleep(POLL_S)
    return False
