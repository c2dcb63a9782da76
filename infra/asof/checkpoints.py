"""Moments made ahead, so that no question has to fold the whole tape."""

from __future__ import annotations

import sys
from contextlib import closing

from confluent_kafka import Consumer

from infra.asof import kept
from infra.asof.folded import RECORDS_MAX, Folded
from infra.asof.kept import Kept
from infra.asof.vectors import at_time, bounds_of
from infra.config import Config, ConfigError
from infra.observe.progress import Progress
from infra.store import postgres
from infra.store.postgres import Connection
from infra.stream import kafka, tape
from infra.stream.schema_ids import SchemaIds
from projections.projection import Projection
from read_api.store import Place

STEP_RECORDS = RECORDS_MAX // 2
"""Of a partition, between two checkpoints."""

Bounds = dict[Place, tuple[int, int]]


def checkpoint(config: Config, projection: Projection) -> int:
    """Make moments up to the end of the tape, each beginning with the one before; how many.

    Each is there when it is done: killed, it is gone on with. A table that only grows needs none.
    """
    conninfo = postgres.address(config.postgres, config.namespace, statement_timeout_ms=0)
    if projection.ledgers:
        return 0
    kept.prepare(conninfo)
    folded = Folded(config, SchemaIds(config), conninfo)
    with closing(postgres.owner(conninfo)) as connection, tape.reader(config) as client:
        bounds = bounds_of(config, client, projection)
        if cut := [place for place, (low, _) in bounds.items() if low > 0]:
            raise ConfigError(
                f"the tape no longer holds {cut[0][0]}/{cut[0][1]} from its beginning"
            )
        ends = {place: high for place, (_, high) in bounds.items()}
        with Progress(f"checkpoint {projection.name}", "records") as progress:
            done, total, made = 0, sum(ends.values()), 0

            def told(count: int) -> None:
                nonlocal done
                done += count
                progress.at(done, total)

            while (stands := _last(connection, projection)) != ends and total:
                done = sum(stands.values())
                places = _next(config, client, stands, bounds)
                standing = kept.standing_of(projection, places)
                schema = kept.schema_of(conninfo, standing)
                with connection.transaction():
                    if kept.asked_again(connection, projection, schema):
                        kept.pin(connection, schema)
                    else:
                        wanted = Kept(schema, standing.places, checkpoint=True)
                        folded.make(client, connection, projection, wanted, told)
                with connection.transaction():
                    kept.thin(connection, projection)
                made += 1
    return made


def _next(
    config: Config, client: Consumer, stands: dict[Place, int], bounds: Bounds
) -> dict[Place, int]:
    """Where the next moment is: at a time, as questions are, and no partition far from the last."""
    ends = {place: high for place, (_, high) in bounds.items()}
    ahead = {place: stands.get(place, 0) + STEP_RECORDS for place in ends}
    far = [place for place, offset in ahead.items() if offset < ends[place]]
    if not far:
        return ends
    times_ms = {p: _time_ms(config, client, p, ahead[p], ends[p]) for p in far}
    first = min(far, key=times_ms.__getitem__)
    if times_ms[first] == sys.maxsize:
        return ends
    found = at_time(config, client, bounds, times_ms[first])
    places = {p: min(end, max(stands.get(p, 0), found[p])) for p, end in ends.items()}
    if places == {p: stands.get(p, 0) for p in ends}:  # so much was written in one millisecond
        places[first] = ahead[first]
    return places


def _time_ms(config: Config, client: Consumer, place: Place, start: int, end: int) -> int:
    """When the first record from an offset on was written; far away if only marks stand there."""
    name = kafka.topic_name(config, place[0])
    batches = tape.read(client, name, place[1], start, end)
    times = (record.timestamp_ms for batch in batches for record in batch)
    return next(times, sys.maxsize)


def _last(connection: Connection, projection: Projection) -> dict[Place, int]:
    made = [each for each in kept.kept(connection, projection) if each.checkpoint]
    return dict(made[-1].places) if made else {}
