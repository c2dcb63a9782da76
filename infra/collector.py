"""The garbage collector of a process that streams: many objects, hardly a cycle."""

from __future__ import annotations

import gc

OBJECTS = 100_000
GENERATIONS = (20, 50)


def seldom() -> None:
    """Look for cycles seldom: a look costs as much as many messages, and finds next to nothing."""
    gc.set_threshold(OBJECTS, *GENERATIONS)


def relax() -> None:
    """The same, and never among what was there when the work began."""
    gc.collect()
    gc.freeze()
    seldom()
