"""A request on its way: how it is to be carried out, what is in work, what became of it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from infra.mt5.constants import ORDER_REASON_EXPERT
from infra.mt5.simulator.ticks import Quote
from infra.mt5.tuples import TradeRequest

if TYPE_CHECKING:
    from infra.mt5.simulator.ledger import Order


@dataclass(frozen=True, slots=True)
class Fill:
    """What an order led to."""

    order: int
    deal: int
    volume: float
    price: float


NOTHING = Fill(0, 0, 0.0, 0.0)


class Manner(NamedTuple):
    """How a request is carried out: when (0: at once), for whom, under which comment (`None`: its
    own). With the request it is all that decides what an account becomes."""

    due_ms: int = 0
    reason: int = ORDER_REASON_EXPERT
    comment: str | None = None


AT_ONCE = Manner()


@dataclass(slots=True)
class Work:
    """A request that the server has accepted and not carried out yet. `seen` is what the order
    that it names looked like; `order` is the one that it makes."""

    ticket: int
    request: TradeRequest
    manner: Manner
    order: "Order | None"
    seen: tuple[object, ...] | None
    outcome: "Outcome | None" = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a request: a return code, and what was done. `work` where it is still to be
    done."""

    retcode: int
    fill: Fill = NOTHING
    quote: Quote | None = None
    work: Work | None = None
