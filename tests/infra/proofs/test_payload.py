"""The stand-alone reader of payloads: it says what our codec says of every version ever frozen."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.proofs.payload import layout, named_of, read_payload
from infra.stream.frozen import frozen
from schemas import writers
from schemas.versions import Frozen

FROZEN = frozen()
PAIR = {
    "type": "record",
    "name": "Pair",
    "fields": [
        {"name": "left", "type": ["null", {"type": "enum", "name": "Side", "symbols": ["A", "B"]}]},
        {"name": "right", "type": {"type": "array", "items": ["null", "Side"]}},
        {"name": "ready", "type": "boolean"},
        {"name": "ratio", "type": "double"},
    ],
}


@pytest.mark.parametrize("one", FROZEN, ids=lambda one: one.stem)
def test_golden_bytes_are_read_as_by_the_codec(one: Frozen) -> None:
    assert one.golden
    _, parsed = writers.parsed(one.schema)
    assert layout(parsed) == layout(one.schema)
    for golden in one.golden:
        data = bytes.fromhex(golden["bytes"])
        for schema in (one.schema, json.loads(json.dumps(parsed, default=str))):
            assert json.dumps(read_payload(schema, data)) == json.dumps(golden["value"])
            for torn in (data[:-1], data + b"\0"):
                with pytest.raises((ValueError, LookupError)):
                    read_payload(schema, torn)


def test_names_blocks_and_numbers_that_json_cannot_say() -> None:
    blocks = bytes([3, 6, 0, 2, 2, 2, 0, 0, 1]) + bytes(6) + b"\xf0\x7f"
    assert read_payload(PAIR, b"\x02\x02" + blocks) == {
        "left": "B",
        "right": [None, "B", None],
        "ready": True,
        "ratio": None,
    }


@pytest.mark.parametrize(
    "data",
    [
        b"\x04",
        b"\x02\x04",
        b"\x00\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        b"\x00" + b"\xff" * 11,
        b"\x00\x00\x02" + bytes(8),
        b"",
    ],
)
def test_what_is_no_value_of_the_schema_is_refused(data: bytes) -> None:
    with pytest.raises((ValueError, LookupError)):
        read_payload(PAIR, data)


def test_a_name_means_one_thing() -> None:
    other = {"type": "enum", "name": "other.Side", "symbols": ["B", "A"]}
    with pytest.raises(ValueError, match="twice"):
        named_of([PAIR, other])


@given(seed=st.integers(0, 2**32))
def test_bytes_at_random_are_read_or_refused_and_end(seed: int) -> None:
    luck = random.Random(seed)
    one = luck.choice(FROZEN)
    try:
        read_payload(one.schema, luck.randbytes(luck.randrange(200)))
    except (ValueError, LookupError):
        return
