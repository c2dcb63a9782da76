"""What lies on the disk, also under a server that is at work on it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path


def holding(folder: Path, text: bytes) -> list[Path]:
    """The files below a folder that hold a text; one that goes meanwhile holds nothing any more."""
    found = []
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            if path.is_file() and text in path.read_bytes():
                found.append(path)
    return found
