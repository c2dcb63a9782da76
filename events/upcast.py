"""What an older version meant, said in the fields of today."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from events.envelope import Event


class Upcast(Struct, frozen=True):
    """A meaning that moved into the field `since`: where bytes do not have it, `fill` gives it.

    `fill` is pure, is given the event with the field's default, and changes that field alone. It
    stands beside its event and is listed in `UPCASTS` (`events/__init__.py`).
    """

    kind: type[Event]
    since: str
    fill: Callable[[Any], Event]
