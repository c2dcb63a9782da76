"""Account names of the configuration and the login numbers they stand for at the venue."""

from hashlib import sha256

_FIRST = 50_000_000
_SPAN = 10_000_000


def login_of(account: str) -> int:
    """A number is its own login; a name has one that does not depend on the other names."""
    if account.isdecimal():
        return int(account)
    return _FIRST + int.from_bytes(sha256(account.encode()).digest()[:8], "big") % _SPAN
