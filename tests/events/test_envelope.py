"""Identity: the same cause gives the same message, another cause another one."""

from __future__ import annotations

from uuid import UUID, uuid5

from hypothesis import given
from hypothesis import strategies as st

from events.accounts import AccountHalted
from events.envelope import caused_by, first_cause, named

EVENT = AccountHalted(account="alpha", reason="drill")


def test_identity_follows_from_source_key_and_sequence() -> None:
    one = first_cause(EVENT, source="mt5", sequence="1", key="EURUSD", time_us=1)
    again = first_cause(EVENT, source="mt5", sequence="1", key="EURUSD", time_us=2)
    other = first_cause(EVENT, source="mt5", sequence="2", key="EURUSD", time_us=1)
    assert one.envelope.message_id == again.envelope.message_id
    assert one.envelope.message_id != other.envelope.message_id
    assert one.envelope.correlation_id == one.envelope.message_id


def test_a_consequence_knows_its_cause_and_keeps_the_correlation() -> None:
    cause = first_cause(EVENT, source="mt5", sequence="1", key="EURUSD", time_us=7, actor="ann")
    effect = caused_by(cause, EVENT, source="bars", sequence="9", key="EURUSD", step="bars.0")
    deeper = caused_by(
        effect, EVENT, source="x", sequence="9", key="EURUSD", step="x.0", actor="bob"
    )
    assert effect.envelope.causation_id == cause.envelope.message_id
    assert deeper.envelope.correlation_id == cause.envelope.message_id
    assert (effect.envelope.time_us, effect.envelope.actor, deeper.envelope.actor) == (
        7,
        "ann",
        "bob",
    )


def test_two_consequences_of_one_cause_differ() -> None:
    cause = first_cause(EVENT, source="mt5", sequence="1", key="EURUSD", time_us=7)
    ids = {
        caused_by(cause, EVENT, source="s", sequence="1", key="k", step=step).envelope.message_id
        for step in ("bars.0", "bars.1", "features.0")
    }
    assert len(ids) == 3


@given(st.uuids(), st.text())
def test_names_are_those_of_the_standard(namespace: UUID, name: str) -> None:
    assert named(namespace.bytes, name) == str(uuid5(namespace, name))
