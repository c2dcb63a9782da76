"""R0 reads what was recorded again, and it must be what was signed."""

from __future__ import annotations

from infra.config import Config
from infra.replay import caption
from infra.replay.level import Level
from infra.replay.proven import PROOFS
from infra.replay.range import EARLIEST, LATEST, where
from infra.replay.run import Outcome, replay
from infra.store import postgres, read_models
from infra.stream.schema_ids import SchemaIds
from tests.infra.cli.test_audit import Told, told

__all__ = ["told"]


def again(config: Config) -> Outcome:
    edges = where(EARLIEST), where(LATEST)
    ids = SchemaIds(config)
    return replay(config, ids, *edges, verify=True, shown=lambda *_: None, level=Level.R0)


def test_what_is_read_again_is_proven(config: Config, told: Told) -> None:
    found = again(config)
    proofs = found.counts[PROOFS]
    assert (proofs.inputs, proofs.equal, found.different) == (len(told) - 20,) * 2 + (0,)
    conninfo = postgres.address(config.postgres, config.namespace)
    victim = told[-1].envelope.message_id
    with postgres.owner(conninfo) as connection:
        schema = f'"{read_models.read_schema(conninfo)}"'
        connection.execute("set session_replication_role = replica")
        connection.execute(
            f"update {schema}.audit set actor = 'nobody' where message_id = '{victim}'".encode()
        )
    lied = again(config)
    assert (lied.different, lied.digest) == (1, found.digest)
    assert lied.first is not None
    assert (lied.first.stage, victim in lied.first.sequence) == (PROOFS, True)


def test_where_nothing_was_signed_it_says_so() -> None:
    said = "nothing was ever signed here: there were no proofs to check"
    assert said in caption(Outcome(level=Level.R0), verify=True)
    assert said not in caption(Outcome(level=Level.R1), verify=True)
