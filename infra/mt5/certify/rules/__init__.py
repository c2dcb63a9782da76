"""All rules, by family. A number once given stays with its rule; what goes leaves a gap."""

from __future__ import annotations

from infra.mt5.certify.rule import Rule
from infra.mt5.certify.rules import (
    account,
    bars,
    codes,
    depth,
    market,
    money,
    pending,
    requests,
    session,
    symbols,
    ticks,
    unlinked,
)

FAMILIES: dict[str, tuple[Rule, ...]] = {
    "Session": session.RULES,
    "Without a link": unlinked.RULES,
    "Account and terminal": account.RULES,
    "Symbols": symbols.RULES,
    "Ticks": ticks.RULES,
    "Bars": bars.RULES,
    "Depth of market": depth.RULES,
    "Arguments": requests.RULES,
    "Return codes": codes.RULES,
    "Margin and profit": money.RULES,
    "Market orders": market.RULES,
    "Pending orders": pending.RULES,
}
RULES: tuple[Rule, ...] = tuple(rule for rules in FAMILIES.values() for rule in rules)
