"""Recorded ticks as files: our CSV, and what MetaTrader exports; either may be zstd-compressed."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

import zstandard

from infra.config import ConfigError
from infra.feed.quote_judge import Said
from infra.feed.quotes import Quote

CHUNK_BYTES = 1 << 20
MT5_COLUMNS = {
    "<DATE>": "date",
    "<TIME>": "time",
    "<BID>": "bid",
    "<ASK>": "ask",
    "<FLAGS>": "flags",
}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

Read = Callable[[str], Quote]
"""One line as a quote; `ValueError` if it is none."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A file of one symbol's ticks. `source` names its content, so a copy is the same recording."""

    path: Path
    symbol: str
    source: str
    lines: int


def recording(path: Path, symbol: str | None = None) -> Recording:
    """Look at a file; `ConfigError` says in one line why it cannot be played."""
    digest, lines = hashlib.sha256(), 0
    try:
        with opened(path) as file:
            while chunk := file.read(CHUNK_BYTES):
                digest.update(chunk)
                lines += chunk.count(b"\n")
    except OSError as wrong:  # it names the file once more
        raise ConfigError(f"{path} cannot be read: {wrong.strerror or wrong}") from None
    except zstandard.ZstdError as wrong:
        raise ConfigError(f"{path} cannot be read: {wrong}") from None
    return Recording(
        path, symbol or _symbol_in(path), f"recording/{digest.hexdigest()[:16]}", lines
    )


def said(recording: Recording) -> Iterator[tuple[int, Said]]:
    """Event time (that of the line before if a line has none) and quote, line by line.

    Lines are numbered from 1, a header line included, so that `source_seq` is the line's number.
    """
    symbol = recording.symbol
    with opened(recording.path) as file:
        lines = io.TextIOWrapper(file, encoding="utf-8", errors="replace", newline="\n")
        first = lines.readline().rstrip("\r\n")
        read, is_header = _reader(first, symbol)
        at_us, number = 0, 1
        if not is_header:
            quote = _quote(read, first)
            at_us = quote.at_us if quote else at_us
            yield at_us, Said(symbol, number, first, quote, True)
        for line in lines:
            number += 1
            raw = line.rstrip("\r\n")
            quote = _quote(read, raw)
            at_us = quote.at_us if quote else at_us
            yield at_us, Said(symbol, number, raw, quote, True)


def begins_us(recording: Recording) -> int:
    """The time of the first line that has one; 0 if none has."""
    return next((at_us for at_us, one in said(recording) if one.quote is not None), 0)


def _quote(read: Read, line: str) -> Quote | None:
    try:
        return read(line)
    except (ValueError, OverflowError):
        return None


def _reader(first: str, symbol: str) -> tuple[Read, bool]:
    """How to read the lines of a file that begins like this, and whether that is a header."""
    if first.startswith("\ufeff"):
        first = first.removeprefix("\ufeff")
    if "<DATE>" in first:
        return _mt5(first.split("\t"), symbol), True
    return _csv(symbol), not first[:1].isdigit()


def _csv(symbol: str) -> Read:
    """`ts_ms,bid,ask[,bid_vol,ask_vol]`."""

    def read(line: str) -> Quote:
        fields = line.split(",")
        if len(fields) not in (3, 5):
            raise ValueError(f"{len(fields)} fields")
        at_us = int(fields[0]) * 1_000
        _check_time(at_us)
        bid, ask = float(fields[1]), float(fields[2])
        if len(fields) == 3:
            return Quote(symbol, at_us, bid, ask)
        bid_volume, ask_volume = (float(text) if text else None for text in fields[3:])
        return Quote(symbol, at_us, bid, ask, bid_volume, ask_volume)

    return read


def _mt5(header: list[str], symbol: str) -> Read:
    """MetaTrader's export: tab-separated; a blank price means that it is the one before."""
    missing = [name for name in MT5_COLUMNS if name not in header]
    if missing:
        raise ConfigError(f"the tick export has no column {missing[0]}; export ticks, not bars")
    places = {column: header.index(name) for name, column in MT5_COLUMNS.items()}
    before = {"bid": "", "ask": ""}

    def read(line: str) -> Quote:
        fields = line.split("\t")
        if len(fields) != len(header):
            raise ValueError(f"{len(fields)} fields")
        day = fields[places["date"]].replace(".", "-")
        moment = datetime.fromisoformat(f"{day}T{fields[places['time']]}").replace(tzinfo=UTC)
        at_us = (moment - EPOCH) // MICROSECOND
        _check_time(at_us)
        bid, ask = (fields[places[side]] or before[side] for side in ("bid", "ask"))
        quote = Quote(
            symbol, at_us, float(bid), float(ask), flags=int(fields[places["flags"]] or 0)
        )
        before.update(bid=bid, ask=ask)
        return quote

    return read


def _check_time(at_us: int) -> None:
    if not 0 < at_us < 1 << 52:
        raise ValueError(f"no time: {at_us} us")


def _symbol_in(path: Path) -> str:
    found = re.search(r"(?<![A-Za-z0-9])[A-Z][A-Z0-9.#]{2,}(?![a-z])", path.name.split(".")[0])
    if found is None:
        raise ConfigError(f"{path.name} names no symbol; say which with --symbol")
    return found.group()


def opened(path: Path) -> IO[bytes]:
    """The bytes of a file, unpacked."""
    file = path.open("rb")
    if path.suffix != ".zst":
        return file
    return zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True, closefd=True)
