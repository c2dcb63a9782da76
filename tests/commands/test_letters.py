"""What a person rules about a dead letter: released as often as need be, discarded once."""

from __future__ import annotations

from msgspec.structs import asdict, replace

from commands.letters import LETTERS, DiscardLetter, ReleaseLetter
from events.letters import LetterDiscarded, LetterReleased
from tests.spec import given

NAME = "order-events/0/7"
RELEASE = ReleaseLetter(
    letter=NAME, key=b"k", value=b"v", header_names=("a",), header_values=(b"1",), reason="mended"
)
DISCARD = DiscardLetter(letter=NAME, reason="nobody's")
RELEASED = LetterReleased(**asdict(RELEASE))
DISCARDED = LetterDiscarded(**asdict(DISCARD))


def test_a_letter_is_released_and_released_again_otherwise() -> None:
    given(LETTERS).when(RELEASE, RELEASE).then(RELEASED)
    again = replace(RELEASE, value=b"w")
    given(LETTERS, RELEASED).when(again).then(replace(RELEASED, value=b"w"))


def test_a_release_that_did_not_help_may_be_discarded() -> None:
    given(LETTERS, RELEASED).when(DISCARD, DISCARD).then(DISCARDED)


def test_what_is_discarded_stays_so() -> None:
    given(LETTERS, DISCARDED).when(RELEASE, replace(DISCARD, reason="again")).then()
