"""The sagas' process: what was heard and what is said next, in one transaction with the offsets.

What a saga says is decided in that same transaction, by the deciders that everybody's commands go
through: an order does not wait for its own request to travel. The request is told on the tape all
the same; the deciders' process finds it answered there.

Several processes may serve one saga: an instance's journal has versions, so of two that hear for it
at once one reads again. Before anything else, every instance that is not done is asked what it is
missing: recovery is the same question as always.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Container, Iterable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from events.envelope import Message
from events.roles import RoleStarted
from infra import collector, fault
from infra.config import Config
from infra.run.hearing import (
    AnySaga,
    Instance,
    answered,
    asks_again,
    hears,
    remembered,
    unborn,
    written,
)
from infra.run.loop import PASSING, loop
from infra.run.patience import patiently
from infra.run.started import started
from infra.store import postgres
from infra.store.event_store import EventStore
from infra.store.offsets import Advance
from infra.store.postgres import Pool
from infra.store.recorders import NOTHING, Conflict, Effects, StoredEvent
from infra.store.stored import entry_of, kept
from infra.stream.schema_ids import SchemaIds
from sagas import SAGAS
from schemas.catalog import topic_of

ATTEMPTS_MAX = 3
INSTANCES_REMEMBERED_MAX = 2_000
CONTEXT_REMEMBERED_MAX = 1_000
DDL = (
    """
    create table if not exists saga_context (
        saga text not null, type text not null, key text not null,
        sequence text collate "C" not null, message bytea not null, primary key (saga, type, key)
    )
    """,
    """
    create table if not exists saga_open (
        saga text not null, instance text not null, primary key (saga, instance)
    )
    """,
)

Statement = tuple[str, tuple[Any, ...]]


def run(config: Config, stop: threading.Event) -> None:
    """Run every saga until `stop`, or until one of them cannot go on."""
    collector.relax()
    with ThreadPoolExecutor(len(SAGAS), "saga") as threads:
        running = [threads.submit(run_one, config, stop, saga) for saga in SAGAS]
        done, _ = wait(running, return_when=FIRST_EXCEPTION)
        stop.set()
    for ended in done:
        ended.result()


def run_one(config: Config, stop: threading.Event, saga: AnySaga) -> None:
    """Run one saga until `stop`."""
    conninfo = postgres.address(config.postgres, config.namespace)
    ids = SchemaIds(config)
    began: Message[RoleStarted] | None = None

    def life() -> None:
        nonlocal began
        postgres.migrate(conninfo, *DDL)
        began = began or started(config, ids, consumer_of(saga))
        with EventStore.open(conninfo) as store, postgres.open_pool(conninfo, 1) as pool:
            hearing = Hearing(saga, store, pool, began)
            hearing.sweep()
            topics = sorted({topic_of(kind).name for kind in hearing.listens_to})
            loop(
                config,
                ids,
                hearing.consumer,
                topics,
                hearing.handle,
                stop,
                concerns=hearing.concerns,
            )

    patiently(consumer_of(saga), life, stop, PASSING)


def consumer_of(saga: AnySaga) -> str:
    """The name of its group and of its offsets."""
    return f"sagas-{saga.name}"


@dataclass
class Hearing:
    """One saga at its journal."""

    saga: AnySaga
    store: EventStore
    pool: Pool
    began: Message[RoleStarted] | None = None
    instances: OrderedDict[str, Instance] = field(default_factory=OrderedDict)

    @property
    def consumer(self) -> str:
        """The name of its group and of its offsets."""
        return consumer_of(self.saga)

    @property
    def listens_to(self) -> frozenset[type]:
        """Every type of message that concerns it."""
        return frozenset((self.saga.starts_on, *self.saga.reads, *self.saga.context))

    def concerns(self, message: Message[Any]) -> bool:
        """Whether it may be news: what was decided on a saga's own wish it has heard at once."""
        if type(message.event) not in self.listens_to:
            return False
        instance = self.instances.get(self.saga.correlate(message.event) or "")
        return instance is None or message.envelope.message_id not in instance.heard

    def handle(self, messages: Sequence[Message[Any]], steps: tuple[Advance, ...]) -> None:
        """Hear a batch; read again and hear again if another process was faster."""
        messages = [m for m in messages if type(m.event) in self.listens_to]
        for attempt in range(1, ATTEMPTS_MAX + 1):
            try:
                self._hear(messages, steps, trusting=attempt == 1)
            except Conflict:
                self.instances.clear()
                if attempt == ATTEMPTS_MAX:
                    raise
            else:
                return

    def sweep(self) -> int:
        """Ask every instance that is not done what it is missing; how many had something to say."""
        with self.pool.connection() as connection:
            select = "select instance from saga_open where saga = %s order by instance"
            rows = connection.execute(select, (self.saga.name,)).fetchall()
        spoken = 0
        for (instance_id,) in rows:
            instance = asks_again(self.saga, self._recalled([instance_id])[instance_id])
            if instance.wishes:
                spoken += 1
                self._write({instance_id: instance}, NOTHING, trusting=False)
        return spoken

    def _hear(
        self, messages: Sequence[Message[Any]], steps: tuple[Advance, ...], trusting: bool
    ) -> None:
        """Add what is heard to the journals. `trusting` what is remembered, and that what seems to
        be born now is: whoever is wrong there cannot write, because the version is taken."""
        saga = self.saga
        own = [saga.correlate(m.event) for m in messages if type(m.event) not in saga.context]
        ids = sorted({to for to in own if to is not None})
        born = {saga.correlate(m.event) for m in messages if type(m.event) is saga.starts_on}
        known = {i for i in ids if i in born or i in self.instances} if trusting else ()
        instances = self._recalled(ids, known)
        context = self._context() if born else {}
        if born and self.began is not None:
            context[type(self.began.event).__name__, self.began.key] = self.began
        learnt: dict[tuple[str, str], Message[Any]] = {}
        for message in messages:
            to = saga.correlate(message.event)
            if type(message.event) in saga.context:
                place = (type(message.event).__name__, message.key)
                learnt[place] = context[place] = message
            elif to is not None:
                instances[to] = hears(saga, instances[to], message, context.values())
        statements = [self._note(*place, message) for place, message in sorted(learnt.items())]
        self._write(instances, Effects(self.consumer, steps, tuple(statements)), trusting)

    def _write(self, instances: dict[str, Instance], effects: Effects, trusting: bool) -> None:
        """What instances have heard and said, what was decided on that, and effects."""
        draft = self.store.draft(reading=not trusting)
        changed = {
            to: answered(self.saga, instance, draft)
            for to, instance in instances.items()
            if instance.entries or instance.wishes
        }
        if trusting and not draft.proven:
            raise Conflict("a stream has moved on")
        entries = [entry for instance in changed.values() for entry in instance.entries]
        tracked = [s for to, instance in changed.items() for s in self._tracked(to, instance)]
        effects = replace(effects, statements=(*effects.statements, *tracked))
        fault.point("saga_before_commit")
        self.store.write(draft, entries, effects)
        fault.point("saga_after_commit")
        for instance_id, instance in changed.items():
            self.instances[instance_id] = written(instance)
            self.instances.move_to_end(instance_id)
        while len(self.instances) > INSTANCES_REMEMBERED_MAX:
            self.instances.popitem(last=False)

    def _recalled(self, ids: Iterable[str], trusted: Container[str] = ()) -> dict[str, Instance]:
        """These instances; the journals of those that are not `trusted` are read on."""
        known = {i: self.instances.get(i) or unborn(self.saga, i) for i in ids}
        doubted = {i: instance for i, instance in known.items() if i not in trusted}
        versions = {instance.stream: instance.version for instance in doubted.values()}
        journals = self.store.journals(versions) if versions else {}
        read = {
            i: remembered(self.saga, instance, journals[instance.stream])
            for i, instance in doubted.items()
        }
        return {**known, **read}

    def _context(self) -> dict[tuple[str, str], Message[Any]]:
        with self.pool.connection() as connection:
            rows = connection.execute(
                "select type, key, message from saga_context where saga = %s", (self.saga.name,)
            ).fetchall()
        return {(kind, key): _known(kind, key, bytes(message)) for kind, key, message in rows}

    def _note(self, kind: str, key: str, message: Message[Any]) -> Statement:
        sql = """
            insert into saga_context values (%s, %s, %s, %s, %s)
            on conflict (saga, type, key)
              do update set sequence = excluded.sequence, message = excluded.message
              where saga_context.sequence < excluded.sequence
        """
        state = entry_of(key, 0, message).state
        return sql, (self.saga.name, kind, key, message.envelope.sequence, state)

    def _tracked(self, instance_id: str, instance: Instance) -> tuple[Statement, ...]:
        if self.saga.done(instance.state):
            return self._closed(instance_id)
        sql = "insert into saga_open values (%s, %s) on conflict do nothing"
        return ((sql, (self.saga.name, instance_id)),)

    def _closed(self, instance_id: str) -> tuple[Statement, ...]:
        sql = "delete from saga_open where saga = %s and instance = %s"
        return ((sql, (self.saga.name, instance_id)),)


@lru_cache(CONTEXT_REMEMBERED_MAX)
def _known(kind: str, key: str, message: bytes) -> Message[Any]:
    """Context is read for every signal and changes seldom."""
    return kept(StoredEvent(key, 0, kind, message)).message
