"""What came of a run, on paper: Markdown for people, JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from infra.mt5.certify.rule import PLAIN, Rule
from infra.mt5.certify.run import Outcome, Verdict, counts, summary

SUFFIXES = (".md", ".json")
BASIS = (
    "Each rule names the page of MetaTrader's public documentation that it rests on. Where that\n"
    "page is silent (limits of arguments, their messages, widths of fields) the rule is what the\n"
    "package MetaTrader5 5.0.6231 itself does."
)


HEAD = """\
# The rules of `tapedeck mt5 certify`

{count} claims about a MetaTrader 5 terminal, each with a number that stays its own. `tapedeck mt5
certify --terminal simulator` tries all of them; on a real terminal (`metatrader5 --path PROGRAM`,
or an agent's `host:port`) those that trade need `--trade` and a demo account, and those that need a
situation which only a broker can bring about are counted as not provokable there, never as passed.
`tapedeck mt5 record -o FILE.jsonl` keeps what a terminal answers, scrubbed; `--terminal FILE.jsonl`
tries the rules on that and compares the simulator's answers with it in their shapes.

This page is written by `tapedeck mt5 certify --list`.
"""


def markdown(
    terminal: str, families: Mapping[str, Sequence[Rule]], verdicts: Sequence[Verdict]
) -> str:
    """The report as Markdown: what failed first, then every rule by family."""
    lines = [f"# Conformance of {terminal}", "", f"{summary(verdicts)}.", "", BASIS, ""]
    if failed := [v for v in verdicts if v.outcome is Outcome.FAILED]:
        lines += ["## What failed", ""]
        lines += [f"- **{v.rule.name}** {v.rule.title}: {v.detail}" for v in failed]
        lines.append("")
    by_rule = {verdict.rule.number: verdict for verdict in verdicts}
    for family, rules in families.items():
        lines += list(_family(family, [by_rule[r.number] for r in rules if r.number in by_rule]))
    return "\n".join(lines)


def _family(family: str, verdicts: Sequence[Verdict]) -> Iterator[str]:
    yield from (f"## {family}", "", "| rule | title | page | outcome |", "|---|---|---|---|")
    for verdict in verdicts:
        why = f": {verdict.detail}" if verdict.detail else ""
        cells = (verdict.rule.title, verdict.rule.page, f"{verdict.outcome.value}{why}")
        yield f"| {verdict.rule.name} | {' | '.join(cell.replace('|', '/') for cell in cells)} |"
    yield ""


def json(terminal: str, verdicts: Sequence[Verdict]) -> str:
    """The report as JSON."""
    told = {
        "terminal": terminal,
        "counts": {outcome.value: count for outcome, count in counts(verdicts).items()},
        "rules": [
            {
                "number": verdict.rule.name,
                "title": verdict.rule.title,
                "page": verdict.rule.page,
                "situation": verdict.rule.situation,
                "outcome": verdict.outcome.value,
                "detail": verdict.detail,
            }
            for verdict in verdicts
        ],
    }
    return msgspec.json.format(msgspec.json.encode(told)).decode() + "\n"


def listed(families: Mapping[str, Sequence[Rule]]) -> str:
    """All rules by family, for the docs."""
    count = sum(len(rules) for rules in families.values())
    lines = [HEAD.format(count=count), BASIS, ""]
    for family, rules in families.items():
        lines += [f"## {family}", "", "| rule | claim | page | needs |", "|---|---|---|---|"]
        lines += [f"| {r.name} | {r.title} | {r.page} | {_needs(r)} |" for r in rules]
        lines.append("")
    return "\n".join(lines)


def _needs(rule: Rule) -> str:
    return rule.needs.value if rule.situation == PLAIN else f"the situation: {rule.situation}"
