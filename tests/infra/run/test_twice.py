"""Everything delivered twice, published twice, and read again from nothing: once, all the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from uuid import NAMESPACE_OID, uuid5

from infra.config import Config
from infra.run import commands, projections, relay, sagas
from infra.store import postgres
from infra.store.event_store import EventStore
from infra.stream import kafka
from infra.stream.identity import EVENT_STORE
from infra.stream.schema_ids import SchemaIds
from infra.stream.tape import reader
from tests.infra.at_work import running, until
from tests.infra.run.test_projections import everything
from tests.infra.run.test_sagas_killed import gateway, knows, tell_accounts
from tests.infra.tape_writer import write
from tests.orders import said, signal
from tests.projections.story import told

SIGNALS = "processors/signals/0"
ALL = (commands.run, sagas.run, gateway, relay.run, projections.run)


def test_every_record_twice_changes_no_row(config: Config) -> None:
    """Each right behind itself, then all behind all; then everybody reads from the beginning."""
    kafka.ensure_topics(config)
    ids = SchemaIds(config)
    once = [*told(), *told("GBPUSD", 1)]
    with running(projections.run, config):
        write(config, ids, once)
        until(lambda: caught_up(config))
        found, leaves = shown(config), proven(config)
        write(config, ids, [each for each in once for _ in range(2)])
        write(config, ids, once)
        until(lambda: caught_up(config))
        assert shown(config) == found
    rewind(config)
    with running(projections.run, config):
        until(lambda: caught_up(config))
    assert shown(config) == found
    assert proven(config) == leaves


def test_everything_twice_decides_nothing_more(config: Config) -> None:
    """Commands and signals produced again; the whole log published again; all read from nothing."""
    kafka.ensure_topics(config)
    ids, address = SchemaIds(config), postgres.address(config.postgres, config.namespace)
    another = signal(signal_id=str(uuid5(NAMESPACE_OID, "another")))
    with EventStore.open(address) as store:
        with at_work(config):
            tell_accounts(config, ids)
            until(lambda: knows(address, 9))
            write(config, ids, [said(signal(), 0, SIGNALS)])
            until(lambda: log(store).count("ExecutionCompleted") == 1)
            until(lambda: caught_up(config))
            decided, found = log(store), shown(config)
            tell_accounts(config, ids)
            write(config, ids, [said(signal(), 0, SIGNALS)] * 2)
            until(lambda: caught_up(config))
            assert log(store) == decided
            assert shown(config) == found
        rewind(config)
        with at_work(config):
            until(lambda: caught_up(config))
            assert log(store) == decided
            assert shown(config) == found
            write(config, ids, [said(another, 1, SIGNALS)])
            until(lambda: log(store).count("ExecutionCompleted") == 2)
            until(lambda: caught_up(config))
        assert log(store)[: len(decided)] == decided
        assert log(store)[len(decided) :].count("OrderAccepted") == 3


def shown(config: Config) -> dict[str, list[str]]:
    """All rows of all read models, but those that say that a role has begun."""
    found = everything(config)
    return {
        table: [row for row in rows if ",RoleStarted,role-events," not in row]
        for table, rows in found.items()
    }


@contextmanager
def at_work(config: Config) -> Iterator[None]:
    """Everybody between a command and a row."""
    with ExitStack() as stack:
        for role in ALL:
            stack.enter_context(running(role, config))
        yield


def log(store: EventStore) -> list[str]:
    """The types of all that was decided, in order."""
    return [type(m.event).__name__ for m in (e.message for e in store.after(0, 10_000)) if m]


def caught_up(config: Config) -> bool:
    """Whether all have gone as far as there is anything, and the log is on the tape."""
    conninfo = postgres.address(config.postgres, config.namespace)
    with postgres.connect(conninfo) as connection, reader(config) as client:
        places = connection.execute("select topic, partition, next_offset from offsets").fetchall()
        relayed = [at for topic, _, at in places if topic == EVENT_STORE]
        if relayed:
            (last,) = connection.execute("select max(notification_id) from stored_events")
            if relayed[0] <= (last[0] or 0):
                return False
        return len(places) > 1 and all(
            kafka.bounds(client, kafka.topic_name(config, topic), partition)[1] == at
            for topic, partition, at in places
            if topic != EVENT_STORE
        )


def proven(config: Config) -> list[tuple[str, int, str]]:
    """The leaves of all logs."""
    with postgres.connect(postgres.address(config.postgres, config.namespace)) as connection:
        sql = 'select log, "index", message_id from proof_leaves order by 1, 2'
        return connection.execute(sql).fetchall()


def rewind(config: Config) -> None:
    """Let everybody stand at the beginning again, with what they have done."""
    with postgres.connect(postgres.address(config.postgres, config.namespace)) as connection:
        connection.execute("update offsets set next_offset = 0")
