"""Halts of four accounts: something to tell, and to count the effects of."""

from __future__ import annotations

from typing import Any

from prometheus_client import REGISTRY as METRICS

from events.accounts import AccountHalted
from events.envelope import Message
from infra.config import Config
from infra.stream.schema_ids import SchemaIds
from tests.infra.effects import rows
from tests.infra.tape_writer import write
from tests.orders import said

ACCOUNTS = ("a", "b", "c", "d")


def halted(account: str, reason: str, number: int) -> Message[AccountHalted]:
    return said(AccountHalted(account=account, reason=reason), number)


def tell(config: Config, ids: SchemaIds, start: int, count: int) -> list[Message[Any]]:
    numbers = range(start, start + count)
    return write(config, ids, [halted(a, str(n), n) for n in numbers for a in ACCOUNTS])


def has(config: Config, count: int) -> bool:
    return len(rows(config)) >= count


def metric(name: str, **labels: str) -> float | None:
    return METRICS.get_sample_value(name, labels)
