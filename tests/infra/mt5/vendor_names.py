"""Names, values, fields and kinds of the vendor's package 5.0.6231, for comparison with ours."""

# By prefix; a name is `PREFIX_NAME`.
CONSTANTS = {
    "TIMEFRAME": """
        M1=1 M2=2 M3=3 M4=4 M5=5 M6=6 M10=10 M12=12 M15=15 M20=20 M30=30 H1=16385 H2=16386
        H4=16388 H3=16387 H6=16390 H8=16392 H12=16396 D1=16408 W1=32769 MN1=49153
    """,
    "COPY_TICKS": "ALL=-1 INFO=1 TRADE=2",
    "TICK_FLAG": "BID=2 ASK=4 LAST=8 VOLUME=16 BUY=32 SELL=64",
    "POSITION_TYPE": "BUY=0 SELL=1",
    "POSITION_REASON": "CLIENT=0 MOBILE=1 WEB=2 EXPERT=3",
    "ORDER_TYPE": """
        BUY=0 SELL=1 BUY_LIMIT=2 SELL_LIMIT=3 BUY_STOP=4 SELL_STOP=5 BUY_STOP_LIMIT=6
        SELL_STOP_LIMIT=7 CLOSE_BY=8
    """,
    "ORDER_STATE": """
        STARTED=0 PLACED=1 CANCELED=2 PARTIAL=3 FILLED=4 REJECTED=5 EXPIRED=6 REQUEST_ADD=7
        REQUEST_MODIFY=8 REQUEST_CANCEL=9
    """,
    "ORDER_FILLING": "FOK=0 IOC=1 RETURN=2 BOC=3",
    "ORDER_TIME": "GTC=0 DAY=1 SPECIFIED=2 SPECIFIED_DAY=3",
    "ORDER_REASON": "CLIENT=0 MOBILE=1 WEB=2 EXPERT=3 SL=4 TP=5 SO=6",
    "DEAL_TYPE": """
        BUY=0 SELL=1 BALANCE=2 CREDIT=3 CHARGE=4 CORRECTION=5 BONUS=6 COMMISSION=7
        COMMISSION_DAILY=8 COMMISSION_MONTHLY=9 COMMISSION_AGENT_DAILY=10
        COMMISSION_AGENT_MONTHLY=11 INTEREST=12 BUY_CANCELED=13 SELL_CANCELED=14
    """,
    "DEAL_ENTRY": "IN=0 OUT=1 INOUT=2 OUT_BY=3",
    "DEAL_REASON": "CLIENT=0 MOBILE=1 WEB=2 EXPERT=3 SL=4 TP=5 SO=6 ROLLOVER=7 VMARGIN=8 SPLIT=9",
    "DEAL": "DIVIDEND=15 DIVIDEND_FRANKED=16 TAX=17",
    "TRADE_ACTION": "DEAL=1 PENDING=5 SLTP=6 MODIFY=7 REMOVE=8 CLOSE_BY=10",
    "SYMBOL_CHART_MODE": "BID=0 LAST=1",
    "SYMBOL_CALC_MODE": """
        FOREX=0 FUTURES=1 CFD=2 CFDINDEX=3 CFDLEVERAGE=4 FOREX_NO_LEVERAGE=5 EXCH_STOCKS=32
        EXCH_FUTURES=33 EXCH_OPTIONS=34 EXCH_OPTIONS_MARGIN=36 EXCH_BONDS=37
        EXCH_STOCKS_MOEX=38 EXCH_BONDS_MOEX=39 SERV_COLLATERAL=64
    """,
    "SYMBOL_TRADE_MODE": "DISABLED=0 LONGONLY=1 SHORTONLY=2 CLOSEONLY=3 FULL=4",
    "SYMBOL_TRADE_EXECUTION": "REQUEST=0 INSTANT=1 MARKET=2 EXCHANGE=3",
    "SYMBOL_SWAP_MODE": """
        DISABLED=0 POINTS=1 CURRENCY_SYMBOL=2 CURRENCY_MARGIN=3 CURRENCY_DEPOSIT=4
        INTEREST_CURRENT=5 INTEREST_OPEN=6 REOPEN_CURRENT=7 REOPEN_BID=8
    """,
    "DAY_OF_WEEK": "SUNDAY=0 MONDAY=1 TUESDAY=2 WEDNESDAY=3 THURSDAY=4 FRIDAY=5 SATURDAY=6",
    "SYMBOL_ORDERS": "GTC=0 DAILY=1 DAILY_NO_STOPS=2",
    "SYMBOL_OPTION_RIGHT": "CALL=0 PUT=1",
    "SYMBOL_OPTION_MODE": "EUROPEAN=0 AMERICAN=1",
    "ACCOUNT_TRADE_MODE": "DEMO=0 CONTEST=1 REAL=2",
    "ACCOUNT_STOPOUT_MODE": "PERCENT=0 MONEY=1",
    "ACCOUNT_MARGIN_MODE": "RETAIL_NETTING=0 EXCHANGE=1 RETAIL_HEDGING=2",
    "BOOK_TYPE": "SELL=1 BUY=2 SELL_MARKET=3 BUY_MARKET=4",
    "TRADE_RETCODE": """
        REQUOTE=10004 REJECT=10006 CANCEL=10007 PLACED=10008 DONE=10009 DONE_PARTIAL=10010
        ERROR=10011 TIMEOUT=10012 INVALID=10013 INVALID_VOLUME=10014 INVALID_PRICE=10015
        INVALID_STOPS=10016 TRADE_DISABLED=10017 MARKET_CLOSED=10018 NO_MONEY=10019
        PRICE_CHANGED=10020 PRICE_OFF=10021 INVALID_EXPIRATION=10022 ORDER_CHANGED=10023
        TOO_MANY_REQUESTS=10024 NO_CHANGES=10025 SERVER_DISABLES_AT=10026
        CLIENT_DISABLES_AT=10027 LOCKED=10028 FROZEN=10029 INVALID_FILL=10030 CONNECTION=10031
        ONLY_REAL=10032 LIMIT_ORDERS=10033 LIMIT_VOLUME=10034 INVALID_ORDER=10035
        POSITION_CLOSED=10036 INVALID_CLOSE_VOLUME=10038 CLOSE_ORDER_EXIST=10039
        LIMIT_POSITIONS=10040 REJECT_CANCEL=10041 LONG_ONLY=10042 SHORT_ONLY=10043
        CLOSE_ONLY=10044 FIFO_CLOSE=10045
    """,
    "RES": """
        S_OK=1 E_FAIL=-1 E_INVALID_PARAMS=-2 E_NO_MEMORY=-3 E_NOT_FOUND=-4
        E_INVALID_VERSION=-5 E_AUTH_FAILED=-6 E_UNSUPPORTED=-7 E_AUTO_TRADING_DISABLED=-8
        E_INTERNAL_FAIL=-10000 E_INTERNAL_FAIL_SEND=-10001 E_INTERNAL_FAIL_RECEIVE=-10002
        E_INTERNAL_FAIL_INIT=-10003 E_INTERNAL_FAIL_CONNECT=-10004
        E_INTERNAL_FAIL_TIMEOUT=-10005
    """,
}

# In their order: a kind, then the fields that are of it. Bars and ticks have kinds of numpy.
FIELDS = {
    "TradePosition": """
        u64 ticket; i64 time time_msc time_update time_update_msc; u32 type; u64 magic
        identifier; u32 reason; f volume price_open sl tp price_current swap profit; s symbol
        comment external_id
    """,
    "TradeOrder": """
        u64 ticket; i64 time_setup time_setup_msc time_done time_done_msc time_expiration; u32
        type type_time type_filling state; u64 magic position_id position_by_id; u32 reason; f
        volume_initial volume_current price_open sl tp price_current price_stoplimit; s symbol
        comment external_id
    """,
    "TradeDeal": """
        u64 ticket order; i64 time time_msc; u32 type entry; u64 magic position_id; u32
        reason; f volume price commission swap profit fee; s symbol comment external_id
    """,
    "TradeRequest": """
        u32 action; u64 magic order; s symbol; f volume price stoplimit sl tp; u64 deviation;
        u32 type type_filling type_time; i64 expiration; s comment; u64 position position_by
    """,
    "OrderSendResult": """
        u32 retcode; u64 deal order; f volume price bid ask; s comment; u32 request_id; i32
        retcode_external; TradeRequest request
    """,
    "OrderCheckResult": """
        u32 retcode; f balance equity profit margin margin_free margin_level; s comment;
        TradeRequest request
    """,
    "Tick": """
        i64 time; f bid ask last; u64 volume; i64 time_msc; u32 flags; f volume_real
    """,
    "BookInfo": """
        u32 type; f price; u64 volume; f volume_dbl
    """,
    "TerminalInfo": """
        b community_account community_connection connected dlls_allowed trade_allowed
        tradeapi_disabled email_enabled ftp_enabled notifications_enabled mqid; u32 build
        maxbars; i32 codepage ping_last; f community_balance retransmission; s company name
        language path data_path commondata_path
    """,
    "AccountInfo": """
        u64 login; u32 trade_mode leverage limit_orders margin_so_mode; b trade_allowed
        trade_expert; u32 margin_mode currency_digits; b fifo_close; f balance credit profit
        equity margin margin_free margin_level margin_so_call margin_so_so margin_initial
        margin_maintenance assets liabilities commission_blocked; s name server currency
        company
    """,
    "SymbolInfo": """
        b custom; u32 chart_mode; b select visible; u64 session_deals session_buy_orders
        session_sell_orders volume volumehigh volumelow; i64 time; u32 digits; i32 spread; b
        spread_float; u32 ticks_bookdepth trade_calc_mode trade_mode; i64 start_time
        expiration_time; i32 trade_stops_level trade_freeze_level; u32 trade_exemode swap_mode
        swap_rollover3days; b margin_hedged_use_leg; i32 expiration_mode filling_mode
        order_mode; u32 order_gtc_mode option_mode option_right; f bid bidhigh bidlow ask
        askhigh asklow last lasthigh lastlow volume_real volumehigh_real volumelow_real
        option_strike point trade_tick_value trade_tick_value_profit trade_tick_value_loss
        trade_tick_size trade_contract_size trade_accrued_interest trade_face_value
        trade_liquidity_rate volume_min volume_max volume_step volume_limit swap_long
        swap_short margin_initial margin_maintenance session_volume session_turnover
        session_interest session_buy_orders_volume session_sell_orders_volume session_open
        session_close session_aw session_price_settlement session_price_limit_min
        session_price_limit_max margin_hedged price_change price_volatility price_theoretical
        price_greeks_delta price_greeks_theta price_greeks_gamma price_greeks_vega
        price_greeks_rho price_greeks_omega price_sensitivity; s basis category currency_base
        currency_profit currency_margin bank description exchange formula isin name page path
    """,
}
