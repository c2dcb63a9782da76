"""The garbage collector of a process that streams: many objects, hardly a cycle."""

from __future__ import annotations

import gc

OBJECTS = 50_000
GENERATIONS = (20, 50)


def relax() -> None:
    """Look for cycles seldom, and never among what was there when the work began."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(OBJECTS, *GENERATIONS)
