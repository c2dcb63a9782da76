"""A symbol as the package shows it, with its figures of the day."""

from infra.mt5.simulator.day import Day
from infra.mt5.simulator.specification import Specification
from infra.mt5.simulator.ticks import Quote
from infra.mt5.tuples import SymbolInfo

_ZERO = {int: 0, float: 0.0, str: "", bool: False}
_NOTHING = SymbolInfo._make(_ZERO[kind] for kind in SymbolInfo.__annotations__.values())


def symbol_info(
    symbol: Specification,
    quote: Quote | None,
    day: Day,
    tick_values: tuple[float, float],
    visible: bool,
) -> SymbolInfo:
    """All 96 fields; those of stock exchanges and options stay at zero."""
    return _quoted(_specified(symbol, visible), symbol, quote, day, tick_values)


def _specified(symbol: Specification, visible: bool) -> SymbolInfo:
    """What does not change while the market moves."""
    return _NOTHING._replace(
        select=visible,
        visible=visible,
        digits=symbol.digits,
        spread_float=True,
        trade_calc_mode=symbol.calc_mode,
        trade_mode=symbol.trade_mode,
        trade_stops_level=symbol.stops_level_points,
        trade_freeze_level=symbol.freeze_level_points,
        trade_exemode=symbol.execution,
        swap_mode=symbol.swap_mode,
        swap_rollover3days=symbol.swap_triple_day,
        expiration_mode=symbol.expiration_mask,
        filling_mode=symbol.filling_mask,
        order_mode=symbol.order_mask,
        order_gtc_mode=symbol.orders_gtc,
        ticks_bookdepth=symbol.depth.levels if symbol.depth else 0,
        point=symbol.point,
        trade_tick_size=symbol.grid,
        trade_face_value=symbol.face_value,
        trade_contract_size=symbol.contract_size,
        volume_min=symbol.volume_min,
        volume_max=symbol.volume_max,
        volume_step=symbol.volume_step,
        volume_limit=symbol.volume_limit,
        swap_long=symbol.swap_long,
        swap_short=symbol.swap_short,
        margin_initial=symbol.margin_initial,
        margin_hedged=symbol.contract_size * symbol.hedged_share,
        currency_base=symbol.base,
        currency_profit=symbol.profit,
        currency_margin=symbol.margin_in,
        description=symbol.description,
        name=symbol.name,
        path=symbol.path,
    )


def _quoted(
    info: SymbolInfo,
    symbol: Specification,
    quote: Quote | None,
    day: Day,
    tick_values: tuple[float, float],
) -> SymbolInfo:
    """What the last quote and the day so far say."""
    if quote is None:
        return info
    gain, loss = tick_values
    change = (quote.bid / day.open - 1) * 100 if day.open else 0.0
    return info._replace(
        time=quote.time_ms // 1000,
        spread=round((quote.ask - quote.bid) / symbol.point),
        bid=quote.bid,
        bidhigh=day.bid_high,
        bidlow=day.bid_low,
        ask=quote.ask,
        askhigh=day.ask_high,
        asklow=day.ask_low,
        trade_tick_value=gain,
        trade_tick_value_profit=gain,
        trade_tick_value_loss=loss,
        session_open=day.open,
        price_change=round(change, 4),
    )
