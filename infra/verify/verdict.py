"""A claim, and whether it holds."""

from __future__ import annotations

from dataclasses import dataclass

SHOWN_MAX = 3


@dataclass(frozen=True, slots=True)
class Verdict:
    """A claim, whether it holds, and the figures or the first things that speak against it."""

    claim: str
    holds: bool
    detail: str

    def __str__(self) -> str:
        return f"{'ok  ' if self.holds else 'FAIL'}  {self.claim}: {self.detail}"


def verdict(claim: str, faults: list[str], detail: str) -> Verdict:
    """What the faults make of a claim: it holds without any, else the first few are shown."""
    if not faults:
        return Verdict(claim, True, detail)
    more = f" and {len(faults) - SHOWN_MAX} more" if len(faults) > SHOWN_MAX else ""
    return Verdict(claim, False, f"{'; '.join(faults[:SHOWN_MAX])}{more} ({detail})")
