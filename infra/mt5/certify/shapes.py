"""Whether two recordings answer in the same shapes: fields, kinds, failure values, causes."""

from __future__ import annotations

from collections.abc import Iterator

from infra.mt5.certify.answers import shape
from infra.mt5.certify.recording import Line, Lines
from infra.mt5.constants import RES_S_OK

EMPTY = "tuple of nothing"


def differences(golden: Lines, ours: Lines) -> Iterator[str]:
    """What `ours` does otherwise, of the rules that both hold."""
    both = sorted(set(golden) & set(ours))
    theirs, mine = _shapes(golden, both), _shapes(ours, both)
    for function in sorted(theirs):
        mine_too = mine.get(function, set())
        for each in sorted(theirs[function] - mine_too):
            if mine_too:
                yield f"{function}: {each}; ours: {'; '.join(sorted(mine_too))}"
    for rule in both:
        wanted, got = _failures(golden[rule]), _failures(ours[rule])
        if wanted != got:
            yield f"MT5-{rule}: failures {sorted(wanted)}; ours: {sorted(got)}"


def _shapes(lines: Lines, rules: list[int]) -> dict[str, set[str]]:
    """The shapes of what each function gives where it succeeds with something."""
    found: dict[str, set[str]] = {}
    for rule in rules:
        for line in lines[rule]:
            told = shape(line.get("answer"))
            if told not in ("None", "False", EMPTY):
                found.setdefault(line["call"], set()).add(told)
    return found


def _failures(lines: list[Line]) -> set[tuple[str, str, int]]:
    """Function, failure value and code of what failed."""
    return {
        (line["call"], shape(line["answer"]), line["error"][0])
        for line in lines
        if "answer" in line and (line["answer"] in (None, False) or line["error"][0] != RES_S_OK)
    }
