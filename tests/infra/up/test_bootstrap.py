"""A tape is prepared once; again adds what is new and takes back nothing that a person set."""

from __future__ import annotations

from dataclasses import replace

from msgspec.structs import asdict
from msgspec.structs import replace as altered

from commands.accounts import ACCOUNTS, Account, HaltAccount, ResumeAccount
from commands.limits import LIMITS
from events.values import lots
from infra.config import Config
from infra.up import bootstrap

CONFIG = replace(Config.load({}), accounts=("a",), symbols=("EURUSD",))


def test_the_first_limits_are_a_beginners() -> None:
    first = bootstrap.limited(CONFIG, "a", None)
    assert first is not None
    assert first.symbols == ("EURUSD",)


def test_again_changes_nothing() -> None:
    first = bootstrap.limited(CONFIG, "a", None)
    assert first is not None
    (told,) = LIMITS.decide(first, LIMITS.initial)
    assert bootstrap.limited(CONFIG, "a", told) is None


def test_a_new_symbol_is_allowed_and_what_a_person_set_stays() -> None:
    first = bootstrap.limited(CONFIG, "a", None)
    assert first is not None
    (told,) = LIMITS.decide(first, LIMITS.initial)
    tightened = altered(told, version=7, volume_lots_max=lots("0.01"))
    wider = replace(CONFIG, symbols=("GBPUSD", "EURUSD"))

    then = bootstrap.limited(wider, "a", tightened)

    assert then is not None
    expected = {**asdict(tightened), "symbols": ("EURUSD", "GBPUSD")}
    del expected["version"]
    assert asdict(then) == expected


def test_an_account_that_is_traded_no_more_is_halted_until_it_is_back() -> None:
    stays = bootstrap.attended(CONFIG, "a", Account())
    left = bootstrap.attended(CONFIG, "b", Account())
    assert (stays, left) == (None, HaltAccount(account="b", reason=bootstrap.UNATTENDED))

    assert left is not None
    halted = ACCOUNTS.fold(ACCOUNTS.decide(left, Account()))
    assert bootstrap.attended(CONFIG, "b", halted) is None
    back = bootstrap.attended(replace(CONFIG, accounts=("a", "b")), "b", halted)
    assert back == ResumeAccount(account="b", reason=bootstrap.ATTENDED)


def test_coming_back_lifts_no_halt_of_anybody_else() -> None:
    reasons = frozenset((bootstrap.UNATTENDED, "a person looks at it"))
    assert bootstrap.attended(CONFIG, "a", Account(halted_for=reasons)) is None
