"""`tapedeck audit verify` where the registry has been changed: leaves hold but ids of schemas."""

from __future__ import annotations

import argparse
import json
from typing import Any

import pytest

from events.models import ModelTrained
from infra.cli import audit
from infra.config import Config
from infra.store import postgres, read_models
from infra.stream import kafka
from infra.stream.schema_ids import SchemaIds
from schemas import writers
from schemas.derive import schema_of
from tests.infra.proofs.at_rest import at_work, signed_whole, tell, until

_writer = SchemaIds.writer


def _swapped(ids: SchemaIds, schema_id: int) -> tuple[str, Any]:
    """The schema of an id, in which two fields have changed names."""
    name, schema = _writer(ids, schema_id)
    if name != "ModelTrained":
        return name, schema
    text = json.dumps(schema_of(ModelTrained)).replace('"model"', '"?"')
    text = text.replace('"feature_digest"', '"model"').replace('"?"', '"feature_digest"')
    return writers.parsed(text)


def _rewritten(config: Config) -> None:
    """The audit rows as they are folded anew under that registry."""
    conninfo = postgres.address(config.postgres, config.namespace)
    schema = f'"{read_models.read_schema(conninfo)}"'
    with postgres.owner(conninfo) as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute(
            f"update {schema}.audit set payload = payload || jsonb_build_object("
            "'model', payload->'feature_digest', 'feature_digest', payload->'model')"
            " where type = 'ModelTrained'".encode()
        )


def _verified(config: Config) -> int:
    parser = argparse.ArgumentParser()
    audit.configure(parser)
    return audit.main(config, parser.parse_args(["verify"]))


def test_a_registry_that_calls_fields_otherwise_is_found(
    config: Config, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Leaves, trees and Kafka are as they were, and the rows agree with what the registry says."""
    kafka.ensure_topics(config)
    messages = tell(config, SchemaIds(config))
    (victim,) = [each for each in messages if isinstance(each.event, ModelTrained)]
    with at_work(config):
        until(lambda: signed_whole(config, len(messages) - 20))
    assert _verified(config) == 0
    _rewritten(config)
    monkeypatch.setattr(SchemaIds, "writer", _swapped)
    capsys.readouterr()
    assert _verified(config) == 1
    said = capsys.readouterr().out
    assert victim.envelope.message_id in said
    assert "than was ever frozen" in said
