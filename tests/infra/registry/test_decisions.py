"""The registry without its topic: what a request makes of the state, and what records add up to."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from infra.registry import decisions as decide
from infra.registry import records
from infra.registry.canonical import canonical
from infra.registry.decisions import Decide
from infra.registry.refusals import Refusal
from infra.registry.state import State
from schemas.compatibility import Level


def text(name: str, *fields: str) -> str:
    listed = [{"name": f, "type": ["null", "string"], "default": None} for f in fields]
    return canonical(json.dumps({"type": "record", "name": name, "fields": listed}))


ONE, MORE, OTHER = text("R", "a"), text("R", "a", "b"), text("S")
WORSE = canonical(
    json.dumps({"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"}]})
)


class Tape:
    """A registry whose topic is a list."""

    def __init__(self, *requests: Decide[Any]) -> None:
        self.written: list[records.Record] = []
        self.state = State()
        for request in requests:
            self.ask(request)

    def ask(self, request: Decide[Any]) -> Any:
        found, answer = request(self.state)
        self.written += found
        self.state = self.state.after(found)
        assert State().after(self.written) == self.state
        assert State().after(_compacted(self.written)) == self.state
        return answer


def _compacted(written: list[records.Record]) -> list[records.Record]:
    """What is left of a topic once Kafka has compacted it: the last record of each key."""
    last = {key: at for at, (key, _) in enumerate(written)}
    kept = (record for at, record in enumerate(written) if last[record[0]] == at)
    return [(key, value) for key, value in kept if value is not None]


def code(ask: Callable[[], Any]) -> int:
    with pytest.raises(Refusal) as refused:
        ask()
    return refused.value.code


def test_a_schema_is_registered_once_and_keeps_its_id_everywhere() -> None:
    tape = Tape()
    assert tape.ask(decide.register("s", ONE)) == 1
    assert tape.ask(decide.register("s", ONE)) == 1
    assert tape.ask(decide.register("s", MORE)) == 2
    assert tape.ask(decide.register("t", ONE)) == 1
    assert tape.ask(decide.register("u", OTHER)) == 3
    assert [(one.subject, one.version) for one in tape.state.of_id(1)] == [("s", 1), ("t", 1)]
    assert len(tape.written) == 4


def test_an_incompatible_schema_is_refused_with_the_field() -> None:
    tape = Tape(decide.register("s", ONE))
    with pytest.raises(Refusal, match="a: ") as refused:
        tape.ask(decide.register("s", WORSE))
    assert (refused.value.status, refused.value.code) == (409, 409)
    tape.ask(decide.set_level("s", Level.NONE))
    assert tape.ask(decide.register("s", WORSE)) == 2


def test_a_level_is_the_subjects_own_or_that_of_all() -> None:
    tape = Tape()
    assert tape.state.level("s") is Level.BACKWARD
    tape.ask(decide.set_level(None, Level.NONE))
    assert tape.state.level("s") is Level.NONE
    tape.ask(decide.set_level("s", Level.FULL_TRANSITIVE))
    assert tape.ask(decide.set_level("s", Level.FULL_TRANSITIVE)) is Level.FULL_TRANSITIVE
    assert tape.state.level("s") is Level.FULL_TRANSITIVE
    assert tape.ask(decide.unset_level("s")) is Level.FULL_TRANSITIVE
    assert tape.ask(decide.unset_level(None)) is Level.NONE
    assert tape.state.level("s") is Level.BACKWARD
    assert code(lambda: tape.ask(decide.unset_level("s"))) == 40401
    assert len(tape.written) == 4


def test_a_subject_is_hidden_and_then_forgotten() -> None:
    tape = Tape(decide.register("s", ONE), decide.register("s", MORE))
    tape.ask(decide.set_level("s", Level.FULL))
    hide, forget = (decide.delete_subject("s", permanent=p) for p in (False, True))
    assert code(lambda: tape.ask(forget)) == 40405
    assert tape.ask(hide) == [1, 2]
    assert code(lambda: tape.ask(hide)) == 40404
    assert tape.state.versions("s") == ()
    assert tape.state.level("s") is Level.BACKWARD
    assert tape.state.of_id(1)[0].text == ONE
    assert tape.ask(forget) == [1, 2]
    assert code(lambda: tape.ask(forget)) == 40401
    assert code(lambda: tape.state.of_id(1)) == 40403


def test_versions_and_ids_that_were_deleted_are_not_given_again() -> None:
    tape = Tape(decide.register("s", ONE), decide.register("s", MORE))
    tape.ask(decide.delete_version("s", "2", permanent=False))
    assert tape.ask(decide.register("s", MORE)) == 2
    assert [one.version for one in tape.state.versions("s")] == [1, 3]
    for permanent in (False, True):
        tape.ask(decide.delete_subject("s", permanent=permanent))
    assert tape.ask(decide.register("s", OTHER)) == 3
    assert [one.version for one in tape.state.versions("s")] == [1]


def test_a_version_is_hidden_and_then_forgotten() -> None:
    tape = Tape(decide.register("s", ONE), decide.register("s", MORE))
    tape.ask(decide.set_level("s", Level.FULL))
    forget = decide.delete_version("s", "1", permanent=True)
    assert code(lambda: tape.ask(forget)) == 40407
    assert tape.ask(decide.delete_version("s", "1", permanent=False)) == 1
    assert code(lambda: tape.ask(decide.delete_version("s", "1", permanent=False))) == 40406
    assert tape.ask(forget) == 1
    assert code(lambda: tape.ask(forget)) == 40402
    assert tape.state.level("s") is Level.FULL
    assert tape.ask(decide.delete_version("s", "latest", permanent=False)) == 2
    assert tape.state.level("s") is Level.BACKWARD
    assert code(lambda: tape.ask(decide.delete_version("s", "latest", permanent=False))) == 40401


@pytest.mark.parametrize(
    ("version", "error"), [("0", 42202), ("-2", 42202), ("x", 42202), ("2147483648", 42202)]
)
def test_a_version_is_a_number_or_latest(version: str, error: int) -> None:
    tape = Tape(decide.register("s", ONE))
    assert code(lambda: tape.state.version("s", version)) == error


def test_versions_are_found_by_number_and_by_latest() -> None:
    tape = Tape(decide.register("s", ONE), decide.register("s", MORE))
    assert tape.state.version("s", "1").text == ONE
    assert tape.state.version("s", "latest").text == MORE
    assert tape.state.version("s", "-1").text == MORE
    assert code(lambda: tape.state.version("s", "3")) == 40402
    assert code(lambda: tape.state.version("t", "1")) == 40401


def test_a_topic_that_confluents_registry_wrote_is_read() -> None:
    written = [
        (b'{"keytype":"NOOP","magic":0}', None),
        (b'{"keytype":"CONFIG","subject":null,"magic":0}', b'{"compatibilityLevel":"FULL"}'),
        (
            b'{"keytype":"SCHEMA","subject":"s","version":1,"magic":1}',
            b'{"subject":"s","version":1,"id":7,"schema":"\\"string\\"","deleted":false}',
        ),
        (
            b'{"keytype":"SCHEMA","subject":"s","version":2,"magic":1}',
            b'{"subject":"s","version":2,"id":8,"md5":"x","schema":"\\"int\\"","deleted":false}',
        ),
        (
            b'{"keytype":"DELETE_SUBJECT","subject":"s","magic":0}',
            b'{"subject":"s","version":2}',
        ),
        (
            b'{"keytype":"SCHEMA","subject":"s","version":3,"magic":1}',
            b'{"subject":"s","version":3,"id":7,"schema":"\\"string\\"","deleted":false}',
        ),
        (b'{"keytype":"MODE","subject":"s","magic":0}', b'{"mode":"READWRITE"}'),
    ]
    state = State().after(written)
    assert [one.version for one in state.versions("s")] == [3]
    assert [one.version for one in state.versions("s", deleted=True)] == [1, 2, 3]
    assert (state.id_max, state.level("t")) == (8, Level.FULL)


def test_an_id_keeps_the_schema_that_it_was_given_for() -> None:
    tape = Tape(decide.register("s", ONE))
    forged = State().after([*tape.written, records.schema("q", 1, 1, '"int"', deleted=False)])
    assert forged == tape.state


def test_records_are_laid_out_as_confluents_are() -> None:
    tape = Tape(decide.register("s", '"string"'), decide.set_level("s", Level.FULL))
    assert tape.written == [
        (
            b'{"keytype":"SCHEMA","subject":"s","version":1,"magic":1}',
            b'{"subject":"s","version":1,"id":1,"schema":"\\"string\\"","deleted":false}',
        ),
        (b'{"keytype":"CONFIG","subject":"s","magic":0}', b'{"compatibilityLevel":"FULL"}'),
    ]


@pytest.mark.parametrize(
    ("spelt", "known"),
    [
        ('{"type": "string"}', '"string"'),
        (' ["null" , {"type":"int"}]', '["null","int"]'),
        (
            '{"fields": [{"type": "int", "name": "a"}], "name": "R", "type": "record"}',
            '{"type":"record","name":"R","fields":[{"name":"a","type":"int"}]}',
        ),
        (
            '{"type":"array","items":{"type":"long","logicalType":"timestamp-micros"}}',
            '{"type":"array","items":{"type":"long","logicalType":"timestamp-micros"}}',
        ),
    ],
)
def test_a_schema_is_known_by_one_text(spelt: str, known: str) -> None:
    assert canonical(spelt) == known
    assert canonical(known) == known


@pytest.mark.parametrize("spelt", ["", "{", "string", '{"type":"nonsense"}', "[" * 100_000])
def test_what_is_no_schema_is_refused(spelt: str) -> None:
    assert code(lambda: canonical(spelt)) == 42201
