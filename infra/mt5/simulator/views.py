"""The book as the package shows it."""

from infra.mt5 import constants as mt5
from infra.mt5.simulator.account import Account
from infra.mt5.simulator.case import prices_at
from infra.mt5.simulator.execution import order_tuple
from infra.mt5.simulator.ledger import Position, is_buy
from infra.mt5.simulator.money import Prices, floating, worth
from infra.mt5.simulator.settings import COMPANY, SERVER
from infra.mt5.tuples import AccountInfo, TerminalInfo, TradeOrder, TradePosition

BUILD = 5000
MAXBARS = 100_000


def positions(account: Account) -> tuple[TradePosition, ...]:
    """All open positions, by ticket."""
    prices = prices_at(account.market, account.ledger.now_ms)
    return tuple(_position(account, each, prices) for each in account.ledger.positions.values())


def orders(account: Account) -> tuple[TradeOrder, ...]:
    """All active orders, by ticket."""
    prices = prices_at(account.market, account.ledger.now_ms)
    return tuple(
        order_tuple(order, prices(order.symbol)[1 - order.type % 2], order.left)
        for order in account.ledger.orders.values()
    )


def account_info(account: Account) -> AccountInfo:
    """The account and what it is worth."""
    ledger, terms = account.ledger, account.ledger.terms
    now = worth(account.market.symbols, ledger, prices_at(account.market, ledger.now_ms))
    return AccountInfo(
        login=ledger.login,
        trade_mode=terms.kind,
        leverage=terms.leverage,
        limit_orders=terms.orders_max,
        margin_so_mode=(
            mt5.ACCOUNT_STOPOUT_MODE_PERCENT
            if terms.stop_out_money is None
            else mt5.ACCOUNT_STOPOUT_MODE_MONEY
        ),
        trade_allowed=terms.trade_allowed,
        trade_expert=terms.experts_allowed,
        margin_mode=terms.margin_mode,
        currency_digits=2,
        fifo_close=terms.fifo_close,
        balance=ledger.balance,
        credit=0.0,
        profit=now.profit,
        equity=now.equity,
        margin=now.margin,
        margin_free=now.free,
        margin_level=round(now.level_percent, 2),
        margin_so_call=terms.margin_levels[0],
        margin_so_so=terms.margin_levels[1],
        margin_initial=0.0,
        margin_maintenance=0.0,
        assets=0.0,
        liabilities=0.0,
        commission_blocked=0.0,
        name=f"Paper {ledger.login}",
        server=SERVER,
        currency=terms.currency,
        company=COMPANY,
    )


def terminal_info(login: int, trade_allowed: bool, connected: bool) -> TerminalInfo:
    """The terminal that an account is used through."""
    folder = f"/tapedeck/terminals/{login}"
    return TerminalInfo(
        community_account=False,
        community_connection=False,
        connected=connected,
        dlls_allowed=False,
        trade_allowed=trade_allowed,
        tradeapi_disabled=False,
        email_enabled=False,
        ftp_enabled=False,
        notifications_enabled=False,
        mqid=False,
        build=BUILD,
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


def _position(account: Account, position: Position, prices: Prices) -> TradePosition:
    symbol = account.market.symbols[position.symbol]
    bid, ask = prices(position.symbol)
    return TradePosition(
        ticket=position.ticket,
        time=position.opened_ms // 1000,
        time_msc=position.opened_ms,
        time_update=position.updated_ms // 1000,
        time_update_msc=position.updated_ms,
        type=position.side,
        magic=position.magic,
        identifier=position.ticket,
        reason=position.reason,
        volume=position.volume,
        price_open=position.price_open,
        sl=position.sl,
        tp=position.tp,
        price_current=bid if is_buy(position.side) else ask,
        swap=position.swap,
        profit=floating(symbol, account.ledger.terms.currency, position, prices),
        symbol=position.symbol,
        comment=position.comment,
        external_id="",
    )
