"""What survives a kill: every accepted request, on the disk before its answer leaves.

A file per account. First a header that names the settings and the time of opening, then a record
per request: its length twice (as it is, and with every bit turned), checksum, MessagePack of (time,
request, manner). A last record that is not whole was never answered and is cut off. Whatever else
is not as it was written is damage, in the last record too: that one was answered.
"""

import os
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

import msgspec

from infra.mt5.simulator.work import Manner
from infra.mt5.tuples import TradeRequest

_FRAME = struct.Struct(">HHI")
_TURN = 0xFFFF
_RECORD_BYTES_MAX = 4096
_SECTOR_BYTES = 512
"""A disk that loses power has taken whole ones of these; the others read as zeros."""


class Header(NamedTuple):
    """What a journal was written under. `model` counts changes of prices and rules."""

    model: int
    settings: str
    opened_ms: int


class Record(NamedTuple):
    """A request that was accepted: when, in the server's clock, and how it is carried out."""

    at_ms: int
    request: TradeRequest
    manner: Manner


class JournalError(RuntimeError):
    """A journal that cannot be gone on with. Its text is one line."""


class Journal:
    """An account's file, open for appending. One process holds it."""

    def __init__(self, file: Path, header: Header) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
        self.path = file
        self._failed = ""
        try:
            self.header, self.records = self._opened(header)
        except Exception:
            self.close()
            raise

    def _opened(self, header: Header) -> tuple[Header, tuple[Record, ...]]:
        """Take the file, cut off a torn tail, read what is there; a new file gets its header."""
        file = self.path
        _hold(self._file, file)
        frames, end = _read(file)
        os.ftruncate(self._file, end)
        os.lseek(self._file, end, os.SEEK_SET)
        if not frames:
            self._append(header)
            _sync_folder(file.parent)
            return header, ()
        try:
            written = msgspec.msgpack.decode(frames[0], type=Header)
            _same(file, written, header)
            return written, tuple(msgspec.msgpack.decode(each, type=Record) for each in frames[1:])
        except msgspec.MsgspecError as error:
            raise JournalError(f"{file}: no journal of ours: {error}; move it away") from error

    def append(self, at_ms: int, request: TradeRequest, manner: Manner) -> None:
        """Write a request down and return when the disk has it."""
        self._append(Record(at_ms, request, manner))

    def close(self) -> None:
        """Let the file go."""
        os.close(self._file)

    def _append(self, record: Header | Record) -> None:
        body = msgspec.msgpack.encode(record)
        if len(body) > _RECORD_BYTES_MAX:  # whoever reads it would take it for damage
            raise JournalError(f"{self.path}: a record of {len(body)} bytes cannot be read again")
        if self._failed:  # it would stand behind half a record, and the book would be lost
            raise JournalError(f"{self.path}: {self._failed}; the venue must stop")
        frame = _FRAME.pack(len(body), len(body) ^ _TURN, crc32(body)) + body
        try:
            if os.write(self._file, frame) != len(frame):
                self._failed = "the disk took a part of a record"
            os.fsync(self._file)
        except OSError as error:
            self._failed = error.strerror or str(error)
        if self._failed:
            raise JournalError(f"{self.path}: {self._failed}; the venue must stop")


def _read(file: Path) -> tuple[list[bytes], int]:
    """The whole records of a file and where they end."""
    data = file.read_bytes()
    frames: list[bytes] = []
    end = 0
    for body, after in _frames(data, file):
        frames.append(body)
        end = after
    return frames, end


def _frames(data: bytes, file: Path) -> Iterator[tuple[bytes, int]]:
    at = 0
    while at < len(data):
        body = _frame_at(data, at)
        if body is None:
            if _torn(data, at):
                return
            raise JournalError(f"{file}: damaged at byte {at}; restore it, or move it away")
        at += _FRAME.size + len(body)
        yield body, at


def _frame_at(data: bytes, at: int) -> bytes | None:
    """The record that begins here, if a whole one does, as it was written."""
    if at + _FRAME.size > len(data):
        return None
    size, turned, checksum = _FRAME.unpack_from(data, at)
    body = data[at + _FRAME.size : at + _FRAME.size + size]
    whole = size == turned ^ _TURN and 0 < size == len(body)
    return body if whole and crc32(body) == checksum else None


def _torn(data: bytes, at: int) -> bool:
    """Whether the disk has taken only a part of what begins here, or none of it."""
    sector = at + _SECTOR_BYTES - at % _SECTOR_BYTES
    if at + _FRAME.size > len(data) or not any(data[at:]):
        return True
    if sector < len(data) and not any(data[sector:]):
        return True
    size, turned, _ = _FRAME.unpack_from(data, at)
    return bool(size == turned ^ _TURN and at + _FRAME.size + size > len(data))


def _hold(handle: int, file: Path) -> None:
    """Two venues must not write one book."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise JournalError(f"{file}: another venue is using it; stop that one first") from error


def _same(file: Path, written: Header, wanted: Header) -> None:
    if written[:2] != wanted[:2]:
        raise JournalError(
            f"{file}: written under settings {written.settings} of model {written.model}, "
            f"now {wanted.settings} of model {wanted.model}; put the old ones back "
            "(seed, symbols, accounts), or move the file away to open the account anew"
        )


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)
