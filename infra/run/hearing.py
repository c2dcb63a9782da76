"""A saga's instance: its journal of what it has heard and said, folded into its state.

Entries in, entries out; nothing is written here. A message heard twice is heard once, a command
said twice is said once, so that it does not matter where a process died.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from commands import DECIDER_OF
from events.envelope import Message, caused_by
from infra.store.draft import Draft
from infra.store.recorders import StoredEvent
from infra.store.stored import Kept, entry_of
from infra.stream.identity import EVENT_STORE
from sagas.saga import Saga
from schemas.catalog import key_of

AnySaga = Saga[Any, Any, Any]


class Instance(Struct, frozen=True):
    """An instance as far as its journal goes, and `entries` that are to be added to it.

    `said`: each command with the message that it went out in. `wishes`: those that nobody has
    decided yet.
    """

    stream: str
    state: Any
    version: int = 0
    heard: frozenset[str] = frozenset()
    said: Mapping[Any, Message[Any]] = {}
    last: Message[Any] | None = None
    entries: tuple[StoredEvent, ...] = ()
    wishes: tuple[Message[Any], ...] = ()


def unborn(saga: AnySaga, instance_id: str) -> Instance:
    """An instance that has heard nothing."""
    return Instance(f"saga:{saga.name}:{instance_id}", saga.initial)


def remembered(saga: AnySaga, instance: Instance, journal: Sequence[Kept]) -> Instance:
    """The instance after further entries of its journal."""
    for kept in journal:
        instance = (_hearing if kept.heard else _saying)(saga, instance, kept.message)
    return instance


def hears(
    saga: AnySaga, instance: Instance, message: Message[Any], context: Iterable[Message[Any]]
) -> Instance:
    """The instance after a message, with the commands that it now finds missing.

    It is born by the saga's first event alone, and then notes what was known before, in the order
    in which it became known. A message for an instance that was never born is not its business.
    """
    if not instance.version:
        if type(message.event) is not saga.starts_on:
            return instance
        for known in sorted(context, key=lambda known: known.envelope.sequence):
            instance = _noted(saga, instance, known)
    if message.envelope.message_id in instance.heard:
        return instance
    return speaks(saga, _noted(saga, instance, message))


def speaks(saga: AnySaga, instance: Instance) -> Instance:
    """The instance with the commands that it finds missing and has not said yet."""
    cause = instance.last
    if cause is None:
        return instance
    for command in saga.next(instance.state):
        if command in instance.said:
            continue
        said = caused_by(
            cause,
            command,
            source=EVENT_STORE,
            sequence="",
            key=key_of(command),
            step=f"{instance.stream}/{instance.version}",
        )
        instance = _written(_saying(saga, instance, said), said, heard=False)
        instance = replace(instance, wishes=(*instance.wishes, said))
    return instance


def asks_again(saga: AnySaga, instance: Instance) -> Instance:
    """The instance with all that it finds missing: what it has said already among its wishes.

    A wish that was decided is given its old answer, so asking again is harmless.
    """
    again = tuple(instance.said[c] for c in saga.next(instance.state) if c in instance.said)
    return speaks(saga, replace(instance, wishes=(*instance.wishes, *again)))


def answered(saga: AnySaga, instance: Instance, draft: Draft) -> Instance:
    """The instance once its wishes are decided and it has heard how, whatever that leads to.

    The tape will tell it all of this again, and that will be nothing new.
    """
    ours = {saga.correlate(message.event) for message in (instance.last,) if message}
    while instance.wishes:
        work = [(DECIDER_OF[type(wish.event)], wish) for wish in instance.wishes]
        instance = replace(instance, wishes=())
        for message in chain.from_iterable(draft.decide(work)):
            if type(message.event) in saga.reads and saga.correlate(message.event) in ours:
                instance = hears(saga, instance, message, ())
    return instance


def written(instance: Instance) -> Instance:
    """The instance once its entries are in the store."""
    return replace(instance, entries=())


def _noted(saga: AnySaga, instance: Instance, message: Message[Any]) -> Instance:
    return _written(_hearing(saga, instance, message), message, heard=True)


def _hearing(saga: AnySaga, instance: Instance, message: Message[Any]) -> Instance:
    return replace(
        instance,
        state=saga.evolve(instance.state, message.event),
        version=instance.version + 1,
        heard=instance.heard | {message.envelope.message_id},
        last=message,
    )


def _saying(_: AnySaga, instance: Instance, message: Message[Any]) -> Instance:
    said = {**instance.said, message.event: message}
    return replace(instance, version=instance.version + 1, said=said)


def _written(instance: Instance, message: Message[Any], heard: bool) -> Instance:
    entry = entry_of(instance.stream, instance.version, message, heard)
    return replace(instance, entries=(*instance.entries, entry))
