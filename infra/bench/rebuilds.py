"""A read model folded from the tape by COPY, beside a bare COPY of the same rows."""

from __future__ import annotations

import time

from psycopg.sql import SQL, Identifier

from infra.asof.vectors import bounds_of
from infra.bench.figures import Figure, paired
from infra.bench.ground import fresh
from infra.bench.streams import predictions, preload
from infra.config import Config
from infra.rebuild import places
from infra.rebuild.shadow import Shadow
from infra.store import postgres, read_models
from infra.store.read_models import Build, schema_for
from infra.stream import kafka, tape
from projections.audit import PROJECTION

RECORDS = 100_000
WANTED = 0.5


def rebuilding(config: Config, repeats: int) -> Figure:
    """The audit trail, which has the most rows and the longest, from bytes of Kafka to a table."""
    apart = fresh(config)
    preload(apart, kafka.topic_name(apart, "prediction-events"), predictions(RECORDS))
    pairs = [_pair(apart) for _ in range(repeats)]
    return paired(
        "rebuild of the audit trail", "bare COPY, same rows and indexes", pairs, "rows/s", WANTED
    )


def _pair(config: Config) -> tuple[float, float]:
    conninfo = postgres.address(config.postgres, config.namespace, statement_timeout_ms=0)
    read_models.prepare(conninfo, (PROJECTION,))
    with (
        postgres.owner(conninfo) as connection,
        postgres.connect(conninfo) as asking,
        tape.reader(config) as client,
    ):
        bounds = bounds_of(config, client, PROJECTION)
        shadow = Shadow(config, conninfo, connection, asking, client, PROJECTION, Build.NEXT)
        began_s = time.monotonic()
        shadow.to({place: high for place, (_, high) in bounds.items()})
        shadow.index()
        ours_s = time.monotonic() - began_s
        theirs_s = _bare_s(connection, conninfo)
        _forget(connection, conninfo)
    return RECORDS / ours_s, RECORDS / theirs_s


def _bare_s(connection: postgres.Connection, conninfo: str) -> float:
    """Seconds that COPY takes to put these rows into an empty table of the same statements."""
    source = Identifier(schema_for(conninfo, PROJECTION, Build.NEXT), "audit")
    with connection.cursor() as cursor:
        with cursor.copy(SQL("copy {} to stdout").format(source)) as copy:
            rows = b"".join(bytes(part) for part in copy)
        with connection.transaction():
            read_models.make(connection, conninfo, PROJECTION, Build.ASIDE)
        target = Identifier(schema_for(conninfo, PROJECTION, Build.ASIDE), "audit")
        began_s = time.monotonic()
        with cursor.copy(SQL("copy {} from stdin").format(target)) as copy:
            copy.write(rows)
        return time.monotonic() - began_s


def _forget(connection: postgres.Connection, conninfo: str) -> None:
    with connection.transaction():
        for build in (Build.NEXT, Build.ASIDE):
            places.drop(connection, conninfo, PROJECTION, build)
