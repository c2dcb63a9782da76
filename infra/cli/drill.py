"""`tapedeck drill`: lies of every kind, told to a copy of this tape; each must be found.

`drill rebuild` stands in `infra/rebuild/drill.py`.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from psycopg.sql import SQL, Identifier

from infra.cli.audit import keys_of
from infra.cli.parser import one_or_more
from infra.config import Config, ConfigError
from infra.proofs import leaves, tables
from infra.proofs.examine import Claims, Finding
from infra.proofs.forging import Copy
from infra.proofs.inspection import Inspection, remembered
from infra.proofs.kafka_side import KEEPS, KafkaSide, ruled
from infra.proofs.keys import TOP, log_keys
from infra.proofs.signer import MEMORY
from infra.proofs.tamper import ANYWHERE, BY_STRETCH, BY_WITNESS, LIES, Lie
from infra.proofs.tape_side import TapeSide
from infra.rebuild import drill as rebuild
from infra.run import proofs, witness
from infra.run.projections import named
from infra.store import offsets, postgres, read_models
from infra.store.postgres import Connection
from infra.stream import tape
from infra.stream.schema_ids import SchemaIds
from projections import PROJECTIONS, audit

LEAVES_MIN, LEAVES_MAX, LOGS_MAX = 4, 4_000, 4

Memories = tuple[dict[str, Claims], dict[str, Claims]]
"""What a witness remembers, by log; and the same with what the signer does."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Which drill, and how many lies."""
    drills = parser.add_subparsers(dest="drill", required=True, metavar="DRILL")
    lies = drills.add_parser("tamper", help="edit, delete, reorder, truncate and re-sign a copy")
    lies.add_argument("--lies", type=one_or_more, default=210, help="how many, over all kinds")
    lies.add_argument("--seed", type=int, default=1)
    under = drills.add_parser("rebuild", help="rebuild a read model under readers, and roll back")
    under.add_argument("--name", default="audit", choices=[p.name for p in PROJECTIONS])
    under.add_argument("--readers", type=one_or_more, default=200, help="how many ask at once")


def main(config: Config, arguments: argparse.Namespace) -> int:
    """Hold the drill; 1 unless it goes as it should."""
    if arguments.drill == "rebuild":
        (projection,) = named(arguments.name)
        return rebuild.run(config, projection, arguments.readers)
    return lied_to(config, arguments)


def lied_to(config: Config, arguments: argparse.Namespace) -> int:
    """Tell the lies; 1 unless each is found and named where it was told."""
    config.must_be_no_fork("nothing in it is proven; hold the drill on the tape that it is from")
    told: Counter[str] = Counter()
    missed = 0
    with _copied(config) as drill:
        honest = [str(finding) for log in drill.logs for finding in drill.found(log)]
        if honest:
            raise ConfigError(f"this tape does not agree as it is: {honest[0]}")
        for number in range(arguments.lies):
            lie, seed = LIES[number % len(LIES)], arguments.seed + number
            log = drill.logs[number // len(LIES) % len(drill.logs)]
            wrong = drill.missed(lie, log, seed)
            told[lie.__name__] += 1
            if wrong:
                missed += 1
                print(f"MISSED {lie.__name__} in {log}, seed {seed}: {wrong}")
    for name, times in told.items():
        print(f"{name:24s} {times} told")
    print(f"{arguments.lies} lies in {len(drill.logs)} logs, {missed} missed")
    return 1 if missed else 0


class Drill:
    """A copy of some logs, and what others remember of them."""

    def __init__(
        self, config: Config, connection: Connection, conninfo: str, memories: Memories
    ) -> None:
        self._connection = connection
        self._conninfo = conninfo
        self._keys = keys_of(config)
        self._ids = SchemaIds(config)
        self._log_keys = log_keys(config.home)
        self._witnessed, self._memories = memories
        self.logs = self._chosen()
        with tape.reader(config) as client:
            side = KafkaSide(config, client, self._ids)
            self._records = {log: list(side(connection, log).records) for log in self.logs}

    def missed(self, lie: Lie, log: str, seed: int) -> str:
        """Why a lie counts as not found; nothing if it was found and named."""
        with self._connection.transaction(force_rollback=True):
            luck = random.Random(seed)
            records = list(self._records[log])
            copy = Copy(self._connection, self._conninfo, log, self._log_keys, records, luck)
            index = lie(copy)
            findings = list(self.found(log, copy))
        return _judged(lie, log, index, findings)

    def found(self, log: str, copy: Copy | None = None) -> Iterator[Finding]:
        """What an examination finds now."""
        records = self._records[log] if copy is None else copy.records
        resigned = copy is not None and copy.resigned
        claims: dict[str, Claims] = self._witnessed if resigned else self._memories

        def side(connection: Connection, of: str) -> TapeSide:
            topic, _, number = of.rpartition("/")
            read_to = offsets.reached(connection, audit.PROJECTION.consumer, topic, int(number))
            low = self._records[log][0].offset if not KEEPS[topic] else 0
            instead = ruled(connection, topic)
            return TapeSide(iter(records), self._ids, low, read_to, KEEPS[topic], instead)

        inspection = Inspection(self._conninfo, self._keys, side, self._ids, claims, (log,))
        yield from inspection.found_on(self._connection)

    def _chosen(self) -> tuple[str, ...]:
        """The longest logs that are quick to examine."""
        sizes = {log: tables.size(self._connection, log) for log in self._keys if log != TOP}
        fit = [log for log, size in sizes.items() if LEAVES_MIN <= size <= LEAVES_MAX]
        chosen = sorted(fit, key=lambda log: -sizes[log])[:LOGS_MAX]
        if not chosen or not self._witnessed.get(TOP):
            raise ConfigError("there is nothing to lie about yet: no log of some length, or unseen")
        return tuple(chosen)


def _judged(lie: Lie, log: str, index: int, findings: list[Finding]) -> str:
    named = [f for f in findings if f.log == log]
    said = "; ".join(map(str, findings)) or "nothing was found"
    if lie in BY_WITNESS:
        good = any(f.log == TOP for f in findings)
    elif lie in ANYWHERE:
        good = bool(findings)
    elif lie in BY_STRETCH:
        good = any(f.index <= index for f in named)
    else:
        good = any(f.index == index for f in named)
    return "" if good else f"expected leaf {index}, and {said}"


def _memories(config: Config) -> Memories:
    keys, notary = keys_of(config), witness.folder(config, "notary") / "seen.txt"
    none, signed = (proofs.folder(config) / name for name in ("none", MEMORY))
    return remembered(none, notary, keys), remembered(signed, notary, keys)


@contextmanager
def _copied(config: Config) -> Iterator[Drill]:
    """All tables of the proofs and the audit rows in a schema of their own, dropped at the end."""
    source = postgres.address(config.postgres, config.namespace)
    target = postgres.address(config.postgres, f"{config.namespace}drill"[:40], 0)
    shown = read_models.read_schema(target)
    memories = _memories(config)  # before the tables: what is remembered stands in them
    with postgres.owner(target) as connection:
        connection.execute("set idle_in_transaction_session_timeout = 0")
        try:
            for schema in (postgres.schema_of(target), shown):
                connection.execute(SQL("create schema {}").format(Identifier(schema)))
            with connection.transaction():
                connection.execute("set transaction isolation level repeatable read")
                for table in (*leaves.TABLES, "offsets"):
                    _copy(connection, (postgres.schema_of(source), table), table)
                _copy(connection, (read_models.read_schema(source), "audit"), f"{shown}.audit")
                connection.execute(
                    SQL("create unique index on {}.audit (message_id)").format(Identifier(shown))
                )
            connection.execute(SQL("analyze"))
            yield Drill(config, connection, target, memories)
        finally:
            for schema in (postgres.schema_of(target), shown):
                dropped = SQL("drop schema if exists {} cascade").format(Identifier(schema))
                connection.execute(dropped)


def _copy(connection: Connection, source: tuple[str, str], target: str) -> None:
    into, of = Identifier(*target.split(".")), Identifier(*source)
    connection.execute(SQL("create table {} (like {} including all)").format(into, of))
    connection.execute(SQL("insert into {} select * from {}").format(into, of))
