"""The role `bridge`: a terminal's ticks onto the tape, every one once and in order.

One writer at a time: opening it fences a predecessor that still lives, and only then is the tape's
end read. What the terminal showed since is history and marked so; what it shows from now on is
live. Any trouble has one cure: begin a new session. Nothing is kept here that the terminal's
history and the tape do not have.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter

from infra import collector
from infra.config import Config
from infra.feed import bridge_tail
from infra.feed.polling import Feed
from infra.feed.press import Press
from infra.feed.quote_judge import Judge, Said
from infra.mt5 import constants as mt5
from infra.mt5.accounts import login_of
from infra.mt5.recovery import Recovery, of_error
from infra.mt5.terminal import Terminal
from infra.observe.telemetry import EMITTED
from infra.observe.traces import traces
from infra.run.agent import terminal_of
from infra.run.patience import TAPE_AWAY, patiently
from infra.stream import tape
from infra.stream.schema_ids import SchemaIds
from infra.stream.transactions import NEVER, Doubtful, Writer
from infra.stream.wire import Ids

POLL_S = 0.1
ROWS_MAX = 5_000
"""Asked for at once: also the size of a backfill's transactions, per symbol."""
BACKFILL_FIRST_S = 60 * 60
"""How far back a symbol begins of which the tape knows nothing."""
ROLE = "bridge"

log = logging.getLogger(__name__)


class TerminalAway(ConnectionError):
    """The terminal does not answer, or not with what was asked for."""


class TerminalRefused(RuntimeError):
    """The terminal will not serve us however often it is asked: a person must act."""


PASSING = (TerminalAway, Doubtful, *TAPE_AWAY)


def run(config: Config, stop: threading.Event) -> None:
    """Bridge the first account's terminal until `stop` is set."""
    collector.relax()
    account = config.accounts[0]
    terminal = terminal_of(config, account)
    bridge(config, terminal, login_of(account), SchemaIds(config), stop)


def bridge(config: Config, terminal: Terminal, login: int, ids: Ids, stop: threading.Event) -> None:
    """One session after the other; each makes up for what was missed before it."""

    def session() -> None:
        try:
            Session(config, terminal, login, ids, stop).run(stop)
        finally:
            terminal.shutdown()

    patiently(ROLE, session, stop, PASSING)


class Session:
    """One link to the terminal and one writer, from the tape's end on."""

    def __init__(
        self,
        config: Config,
        terminal: Terminal,
        login: int,
        ids: Ids,
        stop: threading.Event = NEVER,
    ) -> None:
        self._terminal = terminal
        self._press = Press(ids)
        self._traces = traces(config, ROLE)
        source = f"mt5/{self._connected(login)}"
        self._writer = Writer(config, ROLE, stop=stop)
        self._live_from_us = _now_us()
        first_s = self._live_from_us // 1_000_000 - BACKFILL_FIRST_S
        with tape.reader(config) as client:
            feeds, heard = bridge_tail.feeds(config, client, ids, source, config.symbols, first_s)
        self._feeds = feeds
        self._judge = Judge(source, heard)
        for feed in feeds.values():
            self._selected(feed.symbol)
            log.info("%s goes on after %s at %s", feed.symbol, feed.source_seq, feed.since_s)

    def run(self, stop: threading.Event) -> None:
        """Poll until `stop` is set; at once again while there is history to read."""
        while not stop.is_set():
            if not self.poll():
                stop.wait(POLL_S)

    def poll(self) -> bool:
        """Take what is new of every symbol onto the tape, all or nothing. Whether there is more."""
        said: list[Said] = []
        more = False
        for feed in self._feeds.values():
            more |= self._read(feed, said)
        since_ns = time.time_ns()
        now_us = since_ns // 1_000
        judge, press = self._judge, self._press
        numbered = [(judge.event(one, now_us), one.source_seq) for one in said]
        records = list(press.records(numbered))
        if records:
            self._writer.write(records)
            self._traces.sent(records, since_ns)
            for topic, emitted in Counter(record.topic for record in records).items():
                EMITTED.labels(ROLE, topic).inc(emitted)
        return more

    def _read(self, feed: Feed, said: list[Said]) -> bool:
        count = ROWS_MAX
        while True:
            since_s = feed.since_s
            rows = self._terminal.copy_ticks_from(feed.symbol, since_s, count, mt5.COPY_TICKS_ALL)
            if rows is None:
                raise self._away(f"ticks of {feed.symbol}")
            taken = feed.taken(rows, _now_us(), self._live_from_us)
            said += taken
            if len(rows) < count:
                return False
            if taken or feed.since_s > since_s:
                return True
            count *= 2  # one second holds more than was asked for

    def _connected(self, login: int) -> str:
        """The server's name, once the link stands and is of the right account."""
        if not self._terminal.initialize(login=login):
            raise self._away(f"login {login}")
        account = self._terminal.account_info()
        if account is None:
            raise self._away("the account")
        if account.login != login:
            raise TerminalRefused(f"the terminal is of account {account.login}, not of {login}")
        return account.server

    def _selected(self, symbol: str) -> None:
        if self._terminal.symbol_select(symbol, True):
            return
        code, text = self._terminal.last_error()
        if code == mt5.RES_E_NOT_FOUND:
            raise TerminalRefused(f"the terminal has no symbol {symbol}; see TAPEDECK_SYMBOLS")
        raise TerminalAway(f"{symbol}: {code} {text}")

    def _away(self, asked: str) -> TerminalAway | TerminalRefused:
        code, text = self._terminal.last_error()
        if of_error(code) is Recovery.NEVER_AGAIN:
            return TerminalRefused(f"{asked}: {code} {text}")
        return TerminalAway(f"{asked}: {code} {text}")


def _now_us() -> int:
    return time.time_ns() // 1_000
