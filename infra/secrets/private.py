"""Files that only their owner reads, and processes whose memory is never written to one."""

from __future__ import annotations

import ctypes
import os
import secrets
import sys
from contextlib import suppress
from pathlib import Path

from infra.secrets.provider import SecretsError

_PR_SET_DUMPABLE = 4


def write(file: Path, content: bytes) -> None:
    """Put this in place of the file, all of it or nothing."""
    _written(file, content).replace(file)


def write_first(file: Path, content: bytes) -> None:
    """Write a file that is not there yet; whoever was faster is believed."""
    with suppress(FileExistsError):
        write_new(file, content)


def write_new(file: Path, content: bytes) -> None:
    """Write a file that must not be there yet; `FileExistsError` if it is."""
    fresh = _written(file, content)
    try:
        os.link(fresh, file)
    except FileExistsError:
        raise FileExistsError(f"{file} is there already; give another name") from None
    finally:
        fresh.unlink()


def _written(file: Path, content: bytes) -> Path:
    """The content in a file beside it, safe on disk."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    return fresh


def read(file: Path) -> bytes:
    """The content of a file that others cannot read; `FileNotFoundError` if there is none."""
    content = file.read_bytes()
    if sys.platform != "win32" and file.stat().st_mode & 0o077:
        raise SecretsError(f"{file} can be read by others; make its mode 0600, or make it anew")
    return content


def no_dumps() -> None:
    """From now on nothing of this process's memory is written to disk when it crashes."""
    if sys.platform == "win32":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        # A handler in /proc/sys/kernel/core_pattern may ignore the limit, but not this.
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
