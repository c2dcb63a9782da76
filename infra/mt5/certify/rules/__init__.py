"""All rules, by family. A number once given stays with its rule; what goes leaves a gap."""

from __future__ import annotations

from infra.mt5.certify.rule import Rule
from infra.mt5.certify.rules import session, unlinked

FAMILIES: dict[str, tuple[Rule, ...]] = {
    "Session": session.RULES,
    "Without a link": unlinked.RULES,
}
RULES: tuple[Rule, ...] = tuple(rule for rules in FAMILIES.values() for rule in rules)
