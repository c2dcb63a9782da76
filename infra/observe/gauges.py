"""What a process takes and what it has left to do, by its metrics and by the system."""

from __future__ import annotations

import re
from dataclasses import dataclass

import httpx
import psutil

MIB = 1024 * 1024
_AT_WORK = re.compile(
    r"^tapedeck_lag_messages\{"
    r"|^tapedeck_at_work\{[^}]*\} 1"
    r'|^tapedeck_emitted_total\{role="bridge"'
    r'|^tapedeck_api_seconds_count\{[^}]*status="200"',
    re.MULTILINE,
)
"""What a role says once it works: how far behind it is or, if it reads nothing, what it gave."""
_LAG = re.compile(r"^tapedeck_lag_messages\{[^}]*\} (\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process takes: memory, and what it has left to do where it reads anything."""

    memory_mib: int
    lag_messages: int | None


def lag_messages(client: httpx.Client, port: int) -> int | None:
    """Messages that the role has not handled yet; None when it reads nothing or does not answer."""
    lags = [float(figure) for figure in _LAG.findall(_metrics(client, port))]
    return int(sum(lags)) if lags else None


def at_work(client: httpx.Client, port: int) -> bool:
    """Whether the role has begun to do what it is there for."""
    return _AT_WORK.search(_metrics(client, port)) is not None


def memory_mib(pid: int) -> int:
    """Memory of a process and its children; what they share is counted once."""
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    return int(sum(_share_bytes(member) for member in family) // MIB)


def _share_bytes(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0


def _metrics(client: httpx.Client, port: int) -> str:
    try:
        return client.get(f"http://127.0.0.1:{port}/metrics").text
    except httpx.TransportError:
        return ""
