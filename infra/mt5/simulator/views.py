"""The book as the package shows it."""

from infra.mt5.simulator.account import Account
from infra.mt5.simulator.ledger import Position, is_buy
from infra.mt5.simulator.moment import Moment
from infra.mt5.simulator.money import floating, worth
from infra.mt5.simulator.records import order_tuple
from infra.mt5.simulator.settings import COMPANY, SERVER, AccountSettings
from infra.mt5.tuples import AccountInfo, TerminalInfo, TradeOrder, TradePosition

BUILD = 5000
MAXBARS = 100_000


def positions(account: Account) -> tuple[TradePosition, ...]:
    """All open positions, by ticket."""
    moment = account.moment()
    return tuple(_position(account, each, moment) for each in account.ledger.positions.values())


def orders(account: Account) -> tuple[TradeOrder, ...]:
    """All active orders: those that wait, then those that the desk is at."""
    moment = account.moment()
    ledger = account.ledger
    begun = [work.order for work in ledger.works.values() if work.order is not None]
    return tuple(
        order_tuple(order, moment.prices(order.symbol)[1 - order.type % 2])
        for order in (*ledger.orders.values(), *begun)
    )


def account_info(account: Account, server: str = SERVER) -> AccountInfo:
    """The account and what it is worth."""
    ledger, terms = account.ledger, account.ledger.terms
    now = worth(account.moment(), ledger)
    return AccountInfo(
        login=ledger.login,
        trade_mode=terms.trade_mode,
        leverage=terms.leverage,
        limit_orders=terms.orders_max,
        margin_so_mode=terms.stop_out_mode,
        trade_allowed=terms.trade_allowed,
        trade_expert=terms.experts_allowed,
        margin_mode=terms.margin_mode,
        currency_digits=2,
        fifo_close=terms.fifo_close,
        balance=ledger.balance,
        credit=terms.credit,
        profit=now.profit,
        equity=now.equity,
        margin=now.margin,
        margin_free=now.free,
        margin_level=round(now.level_percent, 2),
        margin_so_call=terms.margin_call,
        margin_so_so=terms.stop_out,
        margin_initial=0.0,
        margin_maintenance=0.0,
        assets=0.0,
        liabilities=0.0,
        commission_blocked=0.0,
        name=f"Paper {ledger.login}",
        server=server,
        currency=terms.currency,
        company=COMPANY,
    )


def terminal_info(
    login: int, terms: AccountSettings, connected: bool = True, updates: int = 0
) -> TerminalInfo:
    """The terminal that an account is used through."""
    folder = f"/tapedeck/terminals/{login}"
    return TerminalInfo(
        community_account=False,
        community_connection=False,
        connected=connected,
        dlls_allowed=False,
        trade_allowed=terms.terminal_trade_allowed,
        tradeapi_disabled=not terms.api_trade_allowed,
        email_enabled=False,
        ftp_enabled=False,
        notifications_enabled=False,
        mqid=False,
        build=BUILD + updates,
        maxbars=MAXBARS,
        codepage=0,
        ping_last=1000,
        community_balance=0.0,
        retransmission=0.0,
        company=COMPANY,
        name="Tapedeck simulated terminal",
        language="English",
        path=folder,
        data_path=folder,
        commondata_path="/tapedeck/terminals/common",
    )


def _position(account: Account, position: Position, moment: Moment) -> TradePosition:
    bid, ask = moment.prices(position.symbol)
    return TradePosition(
        ticket=position.ticket,
        time=position.opened_ms // 1000,
        time_msc=position.opened_ms,
        time_update=position.updated_ms // 1000,
        time_update_msc=position.updated_ms,
        type=position.side,
        magic=position.magic,
        identifier=position.identifier,
        reason=position.reason,
        volume=position.volume,
        price_open=position.price_open,
        sl=position.sl,
        tp=position.tp,
        price_current=bid if is_buy(position.side) else ask,
        swap=position.swap,
        profit=floating(moment, account.ledger.terms.currency, position),
        symbol=position.symbol,
        comment=position.comment,
        external_id="",
    )
