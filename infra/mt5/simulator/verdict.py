"""What is said to a request that breaks no rule: by the server's plug-in, its dealer, the book."""

from infra.mt5 import constants as mt5
from infra.mt5.simulator.case import Case
from infra.mt5.simulator.draws import bits, stream_key, uniforms
from infra.mt5.simulator.execution import Fill
from infra.mt5.simulator.judge_terms import ACCEPTED
from infra.mt5.simulator.market_orders import in_reach, waits


def verdict(case: Case) -> int:
    """`ACCEPTED`, or why there is no deal although the request is sound."""
    if case.request.action != mt5.TRADE_ACTION_DEAL:
        return ACCEPTED
    return _plugin(case) or _dealer(case) or _depth(case)


def answer(case: Case, fill: Fill) -> int:
    """The return code of what has been carried out, or has only been begun."""
    if case.request.action == mt5.TRADE_ACTION_PENDING:
        return mt5.TRADE_RETCODE_PLACED
    if case.request.action != mt5.TRADE_ACTION_DEAL:
        return mt5.TRADE_RETCODE_DONE
    if not fill.deal:
        late = case.symbol.execution_ms > case.ledger.terms.answer_limit_ms
        return mt5.TRADE_RETCODE_TIMEOUT if late else mt5.TRADE_RETCODE_PLACED
    partial = fill.volume < round(case.request.volume, 8)
    return mt5.TRADE_RETCODE_DONE_PARTIAL if partial else mt5.TRADE_RETCODE_DONE


def _plugin(case: Case) -> int:
    plugin = case.ledger.terms.plugin
    refuses = plugin is not None and case.request.volume > plugin.volume_max
    return plugin.retcode if plugin is not None and refuses else ACCEPTED


def _dealer(case: Case) -> int:
    """Where a dealer confirms requests: one draw for the account at this moment."""
    if case.symbol.execution != mt5.SYMBOL_TRADE_EXECUTION_REQUEST:
        return ACCEPTED
    dealer = case.ledger.terms.dealer
    key = stream_key(case.market.settings.seed, "dealer", str(case.ledger.login))
    drawn = float(uniforms(bits(key, case.at_ms, 1))[0])
    for share, code in (
        (dealer.rejects, mt5.TRADE_RETCODE_REJECT),
        (dealer.cancels, mt5.TRADE_RETCODE_CANCEL),
        (dealer.fails, mt5.TRADE_RETCODE_ERROR),
    ):
        if drawn < share:
            return code
        drawn -= share
    return ACCEPTED


def _depth(case: Case) -> int:
    """Nothing on offer is no price; less than all of it is too little for fill-or-kill."""
    if case.symbol.depth is None or waits(case):
        return ACCEPTED
    found = in_reach(case)
    if found.lots <= 0.0:
        return mt5.TRADE_RETCODE_PRICE_OFF
    short = found.lots < round(case.request.volume, 8)
    whole = case.request.type_filling == mt5.ORDER_FILLING_FOK
    return mt5.TRADE_RETCODE_REJECT if short and whole else ACCEPTED
