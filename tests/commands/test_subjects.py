"""Who is held is not erased, and who is erased stays so."""

from __future__ import annotations

from commands.subjects import SUBJECTS, EraseSubject, FreeSubject, HoldSubject, SubjectCommand

ERASE = EraseSubject(subject="s", ground="asked for")
HOLD = HoldSubject(subject="s", reason="a court")
FREE = FreeSubject(subject="s", reason="it is over")


def decided(*commands: SubjectCommand) -> list[str]:
    """What is decided of commands, one after the other."""
    state = SUBJECTS.initial
    found = []
    for command in commands:
        for event in SUBJECTS.decide(command, state):
            state = SUBJECTS.evolve(state, event)
            found.append(type(event).__name__)
    return found


def test_who_is_held_is_not_erased_until_freed() -> None:
    assert decided(HOLD, ERASE, HOLD) == ["SubjectHeld"]
    assert decided(HOLD, ERASE, FREE, ERASE) == ["SubjectHeld", "SubjectFreed", "SubjectErased"]


def test_who_is_erased_stays_so() -> None:
    assert decided(ERASE, ERASE, HOLD, FREE) == ["SubjectErased"]


def test_nobody_is_freed_who_is_not_held() -> None:
    assert decided(FREE) == []
