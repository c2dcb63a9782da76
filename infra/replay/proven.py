"""What was read again is held against the signed logs: every audited record must be in one."""

from __future__ import annotations

from infra.cli.audit import inspection_of
from infra.config import Config
from infra.replay.found import Count, Mismatch
from infra.replay.part import Found
from infra.run import witness
from infra.stream import tape

PROOFS = "proofs"


def has_logs(config: Config) -> bool:
    """Whether the role `proofs` has ever signed here; a fork has the files of its original."""
    return witness.keys_file(config).exists() and not config.is_fork


def proven(config: Config) -> Found:
    """All logs, each compared with Kafka, its audit rows and what was signed and seen of it.

    An event whose leaf, record and row agree up to a signed root is equal; a log in which something
    does not agree is one difference, which names its first bad event.
    """
    with tape.reader(config) as client:
        inspection = inspection_of(config, client)
        findings = list(inspection.findings())
    count = Count(inputs=inspection.events, equal=inspection.events, different=len(findings))
    first = Mismatch(PROOFS, str(findings[0]), None, None) if findings else None
    return Found(PROOFS, count, first)
