"""The newest canary that came by each fold of the tape, kept in the transaction of its rows."""

from __future__ import annotations

from dataclasses import dataclass

from infra.store.postgres import Cursor

DDL = """
create table if not exists canaries (
    consumer text not null, partition integer not null,
    "offset" bigint not null, sent_at_us bigint not null, primary key (consumer, partition)
) with (fillfactor = 50)
"""


@dataclass(frozen=True, slots=True)
class Canary:
    """Where one stood on the tape, and when it had set out."""

    partition: int
    offset: int
    sent_at_us: int


def put(cursor: Cursor, consumer: str, canary: Canary) -> None:
    """Let it be the newest of a consumer."""
    cursor.execute(
        """
        insert into canaries values (%s, %s, %s, %s) on conflict (consumer, partition)
        do update set "offset" = excluded."offset", sent_at_us = excluded.sent_at_us
        """,
        (consumer, canary.partition, canary.offset, canary.sent_at_us),
    )
