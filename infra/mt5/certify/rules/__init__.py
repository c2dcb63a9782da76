"""All rules, by family. A number once given stays with its rule; what goes leaves a gap."""

from __future__ import annotations

from infra.mt5.certify.rule import Rule
from infra.mt5.certify.rules import (
    account,
    bars,
    closing,
    codes,
    depth,
    failures,
    history,
    listing,
    market,
    money,
    names,
    netting,
    pending,
    positions,
    requests,
    results,
    session,
    stops,
    symbols,
    ticks,
    times,
    unlinked,
)

FAMILIES: dict[str, tuple[Rule, ...]] = {
    "Session": session.RULES,
    "Without a link": unlinked.RULES,
    "Account and terminal": account.RULES,
    "Lists of symbols": listing.RULES,
    "Symbols": symbols.RULES,
    "Ticks": ticks.RULES,
    "Bars": bars.RULES,
    "Depth of market": depth.RULES,
    "Arguments": requests.RULES,
    "Return codes": codes.RULES,
    "Margin and profit": money.RULES,
    "Market orders": market.RULES,
    "Pending orders": pending.RULES,
    "Stops": stops.RULES,
    "Closing": closing.RULES,
    "History": history.RULES,
    "Positions and orders": positions.RULES,
    "Netting": netting.RULES,
    "Results": results.RULES,
    "Times": times.RULES,
    "Failures": failures.RULES,
    "Constants": names.RULES,
}
RULES: tuple[Rule, ...] = tuple(rule for rules in FAMILIES.values() for rule in rules)
