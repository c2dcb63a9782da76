"""What an agent's machine imports can be imported on Windows, where its terminal is."""

from __future__ import annotations

import subprocess
import sys

AS_ON_WINDOWS = """
import ctypes, getpass, importlib, multiprocessing, signal, ssl, subprocess, sys, tempfile
import confluent_kafka, grpc, numpy, prometheus_client, psycopg

class Cdll(ctypes.CDLL):
    def __init__(self, name, *rest, **more):
        if name is None:
            raise TypeError("argument of type 'NoneType' is not iterable")
        super().__init__(name, *rest, **more)

ctypes.CDLL = Cdll
sys.platform = "win32"
for missing in ("SIGKILL", "SIGCONT", "SIGSTOP", "SIGHUP"):
    delattr(signal, missing)
for missing in ("fcntl", "resource", "pwd", "grp", "termios", "tty", "pty"):
    sys.modules[missing] = None
for name in sys.argv[1:]:
    importlib.import_module(name)
"""
NEEDED = (
    "infra.embedded.process",
    "infra.cli.main",
    "infra.cli.run",
    "infra.cli.account",
    "infra.cli.mt5",
    "infra.run.agent",
    "infra.mt5.agent.process",
    "infra.mt5.vendor",
    "infra.observe.telemetry",
    "infra.secrets.vault",
)


def imported(*names: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-c", AS_ON_WINDOWS, *names]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def test_what_an_agent_needs_can_be_imported_without_libc_and_signals_of_unix() -> None:
    done = imported(*NEEDED)
    assert done.returncode == 0, done.stderr


def test_what_needs_them_is_noticed() -> None:
    assert "fcntl" in imported("fcntl").stderr
