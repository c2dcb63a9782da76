"""The parts of a replay one after the other, or in several processes at a time.

A process is started anew and not forked, because librdkafka's threads do not survive a fork.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from ctypes import c_longlong
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context, parent_process
from multiprocessing.sharedctypes import Synchronized, SynchronizedArray
from threading import Thread

from confluent_kafka import KafkaException

from infra import collector
from infra.config import Config
from infra.embedded.process import ServiceError
from infra.replay.part import Found, Part
from infra.replay.resumed import resumed
from infra.stream.schema_ids import SchemaIds
from infra.stream.wire import Ids

SHOWN_EVERY_S = 0.2
Shown = Callable[[int, int], None]
"""Told now and then how many of how many offsets are done."""


def in_turn(config: Config, ids: Ids, parts: Sequence[Part], shown: Shown) -> Iterator[list[Found]]:
    """What came of each part, in this process."""
    total, done = sum(part.end for part in parts), 0
    for part in parts:
        yield resumed(config, ids, part, partial(_shown_after, shown, done, total))
        done += part.end


def _shown_after(shown: Shown, before: int, total: int, done: int) -> None:
    shown(before + done, total)


def side_by_side(
    config: Config, ids: Ids, parts: Sequence[Part], shown: Shown, jobs: int
) -> list[list[Found]]:
    """What came of each part, in their order; the longest are begun first.

    Whoever is free takes the next. This process is one of them: it has begun while the others
    still load what they need.
    """
    context = get_context("spawn")
    total = sum(part.end for part in parts)
    board = Board(context.Array(c_longlong, len(parts)), context.Value(c_longlong, 0))

    def tell(place: int, offsets: int) -> None:
        board.done[place] = offsets
        shown(sum(board.done[:]), total)
        for other in at_work:
            if other.done():
                other.result()  # raises at once what one of them died of

    others = min(jobs, len(parts)) - 1
    with ProcessPoolExecutor(others, context, initializer=_begin, initargs=(board,)) as pool:
        at_work = {pool.submit(_worked, config, parts) for _ in range(others)}
        try:
            found = worked(config, ids, parts, board, tell)
            while at_work:
                ended, at_work = wait(at_work, SHOWN_EVERY_S)
                shown(sum(board.done[:]), total)
                for other in ended:
                    found |= other.result()
        except BrokenProcessPool as died:
            raise ServiceError("a process of the replay has died; run it again") from died
        except BaseException:
            board.begun.value = len(parts)  # nobody takes another
            raise
    return [found[place] for place in range(len(parts))]


@dataclass(frozen=True, slots=True)
class Board:
    """What the processes share: how far each part is, and how many have been begun."""

    done: SynchronizedArray[int]
    begun: Synchronized[int]

    def take(self) -> int:
        """The rank of the next part, for whoever asks to begin it."""
        with self.begun.get_lock():
            rank = self.begun.value
            self.begun.value += 1
        return rank


def worked(
    config: Config,
    ids: Ids,
    parts: Sequence[Part],
    board: Board,
    tell: Callable[[int, int], None],
) -> dict[int, list[Found]]:
    """What came of the parts that this process took, by their place."""
    longest_first = sorted(range(len(parts)), key=lambda n: parts[n].size, reverse=True)
    found = {}
    while (rank := board.take()) < len(parts):
        place = longest_first[rank]
        found[place] = resumed(config, ids, parts[place], partial(tell, place))
    return found


class _Mine:
    """What a process is given once, as it starts."""

    board: Board


def _begin(board: Board) -> None:
    _Mine.board = board
    Thread(target=_end_with_parent, daemon=True).start()
    collector.relax()


def _end_with_parent() -> None:
    """Nobody waits for what comes of it then."""
    parent = parent_process()
    assert parent is not None, "it was begun by one"
    parent.join()
    os._exit(1)


def _worked(config: Config, parts: Sequence[Part]) -> dict[int, list[Found]]:
    try:
        return worked(config, SchemaIds(config), parts, _Mine.board, _tell)
    except KafkaException as away:  # which cannot travel to another process
        raise ServiceError(f"Kafka {config.kafka} is away: {away}") from None


def _tell(place: int, offsets: int) -> None:
    _Mine.board.done[place] = offsets
