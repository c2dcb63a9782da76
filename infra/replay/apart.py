"""The parts of a replay one after the other, or in several processes at a time.

A process is started anew and not forked, because librdkafka's threads do not survive a fork.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, wait
from ctypes import c_longlong
from functools import partial
from multiprocessing import get_context
from multiprocessing.sharedctypes import SynchronizedArray

from infra import collector
from infra.config import Config
from infra.replay.part import Found, Part, recomputed
from infra.stream.schema_ids import SchemaIds
from infra.stream.wire import Ids

SHOWN_EVERY_S = 0.2
Shown = Callable[[int, int], None]
"""Told now and then how many of how many offsets are done."""


def in_turn(config: Config, ids: Ids, parts: Sequence[Part], shown: Shown) -> Iterator[list[Found]]:
    """What came of each part, in this process."""
    total, done = sum(part.end for part in parts), 0
    for part in parts:
        yield recomputed(config, ids, part, partial(_shown_after, shown, done, total))
        done += part.end


def _shown_after(shown: Shown, before: int, total: int, done: int) -> None:
    shown(before + done, total)


def side_by_side(
    config: Config, parts: Sequence[Part], shown: Shown, jobs: int
) -> Iterator[list[Found]]:
    """What came of each part, in their order; the longest are begun first."""
    context = get_context("spawn")
    total = sum(part.end for part in parts)
    done: SynchronizedArray[int] = context.Array(c_longlong, len(parts))
    with ProcessPoolExecutor(
        min(jobs, len(parts)), context, initializer=_begin, initargs=(config, done)
    ) as pool:
        longest_first = sorted(range(len(parts)), key=lambda n: parts[n].end, reverse=True)
        futures = {n: pool.submit(_part, n, parts[n]) for n in longest_first}
        waiting = set(futures.values())
        while waiting:
            finished, waiting = wait(waiting, SHOWN_EVERY_S)
            shown(sum(done[:]), total)
            failed = next((future for future in finished if future.exception()), None)
            if failed is not None:
                pool.shutdown(cancel_futures=True)
                failed.result()
    yield from (futures[n].result() for n in range(len(parts)))


class _Mine:
    """What a process is given once."""

    config: Config
    ids: SchemaIds
    done: SynchronizedArray[int]


def _begin(config: Config, done: SynchronizedArray[int]) -> None:
    _Mine.config, _Mine.ids, _Mine.done = config, SchemaIds(config), done
    collector.relax()


def _part(place: int, part: Part) -> list[Found]:
    return recomputed(_Mine.config, _Mine.ids, part, partial(_tell, place))


def _tell(place: int, done: int) -> None:
    _Mine.done[place] = done
