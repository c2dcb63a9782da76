"""The way of a trade request: from the terminal to the server, over the desk, and back."""

from infra.mt5 import constants as mt5
from infra.mt5.link import CallError
from infra.mt5.simulator.account import Account
from infra.mt5.simulator.broker import Broker
from infra.mt5.simulator.draws import bits, stream_key, uniforms
from infra.mt5.simulator.ledger import Ledger
from infra.mt5.simulator.work import Manner, Outcome, Work
from infra.mt5.tuples import TradeRequest

API_DISABLED = CallError(mt5.RES_E_AUTO_TRADING_DISABLED, "Terminal: trading by API disabled")


def dispatch(
    broker: Broker,
    account: Account,
    request: TradeRequest,
    number: int,
    late_ms: int = 0,
    comment: str | None = None,
) -> Outcome:
    """Send a request and wait for its answer, no longer than a terminal does.

    `number` counts the terminal's requests; `late_ms` is how much longer than usual the desk
    takes, `comment` what the broker makes of the request's own.
    """
    terms = account.ledger.terms
    if not terms.api_trade_allowed:
        raise API_DISABLED
    if not account.faults.quiet and account.faults.offline(broker.now_ms()):
        return Outcome(mt5.TRADE_RETCODE_CONNECTION)
    way_ms = _drawn_ms(broker, account.ledger, "way", number, terms.way_ms, terms.way_jitter_ms)
    _wait(broker, way_ms)
    with account.lock:
        account.advance(broker.now_ms())
        at_ms = account.ledger.now_ms
        if not account.admits(at_ms):
            return Outcome(mt5.TRADE_RETCODE_TOO_MANY_REQUESTS)
        jitter, ticket = terms.desk_jitter_ms, account.ledger.next_order
        desk_ms = _drawn_ms(broker, account.ledger, "desk", ticket, terms.desk_ms, jitter) + late_ms
        due_ms = at_ms + desk_ms if desk_ms else 0
        written = None if comment is None else comment[: terms.comment_chars_max]
        outcome = account.send(request, Manner(due_ms=due_ms, comment=written))
    if outcome.work is not None:
        outcome = _answered(broker, account, outcome.work, desk_ms)
    _wait(broker, way_ms)
    return outcome


def _answered(broker: Broker, account: Account, work: Work, desk_ms: int) -> Outcome:
    """What the desk answers in time. What it does later is found in the history."""
    _wait(broker, min(desk_ms, account.ledger.terms.answer_wait_ms))
    with account.lock:
        account.advance(broker.now_ms())
        return work.outcome or Outcome(mt5.TRADE_RETCODE_TIMEOUT)


def _drawn_ms(
    broker: Broker, ledger: Ledger, what: str, number: int, least_ms: int, jitter_ms: int
) -> int:
    """A duration, the same for the same seed, account and number."""
    if not jitter_ms:
        return least_ms
    key = stream_key(broker.settings.market.seed, what, str(ledger.login))
    return least_ms + int(uniforms(bits(key, number, 1))[0] * (jitter_ms + 1))


def _wait(broker: Broker, duration_ms: int) -> None:
    if duration_ms:
        broker.clock.wait_ms(duration_ms)
