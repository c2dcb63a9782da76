"""Connect, read, trade, modify, close, look back: a program for MetaTrader 5 as anybody writes one.

tapedeck mt5 shim -- python docs/mt5/example.py
"""

import MetaTrader5 as mt5

SYMBOL = "EURUSD"


def asked(request):
    result = mt5.order_send(request)
    if result is None:
        raise SystemExit(f"order_send failed: {mt5.last_error()}")
    print(f"{result.retcode} {result.comment}: order {result.order}, deal {result.deal}")
    if result.retcode != mt5.TRADE_RETCODE_DONE:
        raise SystemExit(1)
    return result


if not mt5.initialize():
    raise SystemExit(f"initialize failed: {mt5.last_error()}")
account = mt5.account_info()
print(f"account {account.login} at {account.server}: {account.balance} {account.currency}")

mt5.symbol_select(SYMBOL, True)
symbol, tick = mt5.symbol_info(SYMBOL), mt5.symbol_info_tick(SYMBOL)
print(f"{SYMBOL}: {tick.bid} / {tick.ask}, steps of {symbol.volume_step} lots")
hour_ago = tick.time - 3600  # the server's clock, which is not ours
ticks = mt5.copy_ticks_from(SYMBOL, hour_ago, 100, mt5.COPY_TICKS_ALL)
rates = mt5.copy_rates_from_pos(SYMBOL, mt5.TIMEFRAME_M5, 0, 10)
print(f"{len(ticks)} ticks, {len(rates)} bars, the last closes at {rates['close'][-1]}")

bought = asked(
    {
        "action": mt5.TRADE_ACTION_DEAL,
        "symbol": SYMBOL,
        "volume": 0.1,
        "type": mt5.ORDER_TYPE_BUY,
        "price": tick.ask,
        "deviation": 20,
        "magic": 1234,
        "comment": "example",
        "type_filling": mt5.ORDER_FILLING_FOK,
        "type_time": mt5.ORDER_TIME_GTC,
    }
)
(position,) = mt5.positions_get(ticket=bought.order)
asked(
    {
        "action": mt5.TRADE_ACTION_SLTP,
        "symbol": SYMBOL,
        "position": position.ticket,
        "sl": round(position.price_open - 200 * symbol.point, symbol.digits),
        "tp": round(position.price_open + 200 * symbol.point, symbol.digits),
    }
)
asked(
    {
        "action": mt5.TRADE_ACTION_DEAL,
        "symbol": SYMBOL,
        "volume": position.volume,
        "type": mt5.ORDER_TYPE_SELL,
        "position": position.ticket,
        "price": mt5.symbol_info_tick(SYMBOL).bid,
        "deviation": 20,
        "magic": 1234,
        "type_filling": mt5.ORDER_FILLING_FOK,
    }
)
deals = mt5.history_deals_get(position=position.ticket)
print(f"{len(deals)} deals, profit {sum(deal.profit + deal.commission for deal in deals):.2f}")
mt5.shutdown()
