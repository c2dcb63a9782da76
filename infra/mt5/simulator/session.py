"""What one terminal gets from the broker: the package's functions, arguments already checked."""

from collections.abc import Callable
from typing import Any

from infra.mt5 import constants as mt5
from infra.mt5.link import CallError, LinkLostError
from infra.mt5.simulator import views
from infra.mt5.simulator.account import Account, Act
from infra.mt5.simulator.broker import Broker
from infra.mt5.simulator.dispatch import dispatch
from infra.mt5.simulator.faults import FaultRule, Faults
from infra.mt5.simulator.orders import answer, checked, margin_needed, profit_between
from infra.mt5.simulator.quotes import Quotes
from infra.mt5.simulator.settings import PASSWORD, SERVER
from infra.mt5.simulator.work import Outcome
from infra.mt5.tuples import (
    AccountInfo,
    BookInfo,
    OrderCheckResult,
    OrderSendResult,
    TerminalInfo,
    TradeDeal,
    TradeOrder,
    TradePosition,
    TradeRequest,
)

VERSION = (500, views.BUILD, "22 Nov 2025")
NOT_FOUND = CallError(mt5.RES_E_NOT_FOUND, "Terminal: Not found")
NOT_STARTED = CallError(mt5.RES_E_INTERNAL_FAIL_INIT, "IPC initialize failed")
UNAUTHORISED = CallError(mt5.RES_E_AUTH_FAILED, "Terminal: Authorization failed")


class Session:
    """One terminal's talk with the broker. `saved` is the account it logs in to unasked."""

    def __init__(self, broker: Broker, quotes: Quotes, saved: int) -> None:
        self._broker = broker
        self._quotes = quotes
        self._saved = saved
        self._home = broker.accounts.get(saved)
        self._faults = Faults() if self._home is None else self._home.faults
        self._crashes = self._faults.crashes
        self._account: Account | None = None
        self._hidden: set[str] = set()
        self._books: set[str] = set()
        self._requests = 0
        self._fault: FaultRule | None = None  # the one that spoils this call
        self._functions = self._table()

    def call(self, function: str, *arguments: Any) -> Any:
        """Answer a function of the package, or raise `CallError`."""
        answer = self._functions.get(function)
        if answer is None:
            raise CallError(mt5.RES_E_UNSUPPORTED, f"Terminal: {function} is not supported")
        if function == "inject":
            return answer(*arguments)
        self._alive()
        self._fault = fault = self._taken(function, arguments)
        if fault is not None:
            self._before(fault)
        value = answer(*arguments)
        if fault is not None and fault.kind == "lose_after":
            raise _lost()
        return value

    def _alive(self) -> None:
        """The terminal may have ended, or hang."""
        if self._faults.crashes != self._crashes:
            raise _lost()
        if self._faults.quiet:
            return
        if self._faults.down(self._broker.now_ms()):
            raise NOT_STARTED
        if frozen_ms := self._faults.frozen_ms(self._broker.now_ms()):
            self._broker.clock.wait_ms(frozen_ms)

    def _taken(self, function: str, arguments: tuple[Any, ...]) -> FaultRule | None:
        """The scripted fault that spoils this call."""
        account = self._home if function == "login" else self._account
        if account is None or account.faults.quiet:
            return None
        request = arguments[0] if function == "order_send" else None
        with account.lock:
            return account.faults.take(function, request, self._broker.now_ms())

    def _before(self, fault: FaultRule) -> None:
        """What a fault does before the call is carried out."""
        match fault.kind:
            case "fail":
                raise CallError(fault.error, "Terminal: scripted failure")
            case "lose_before" | "crash" | "update":
                raise _lost()
            case "delay":
                self._broker.clock.wait_ms(fault.delay_ms)
            case "freeze":
                self._broker.clock.wait_ms(fault.for_ms)
            case "clock_jump":
                self._broker.jump(fault.delay_ms)
            case "other" if fault.request is not None and self._account is not None:
                at_ms = self._broker.now_ms() + fault.delay_ms
                with self._account.lock:
                    self._account.others(Act(at_ms, fault.request))
            case _:
                pass

    def _table(self) -> dict[str, Callable[..., Any]]:
        """The functions by their names; what only reads prices is answered by `Quotes`."""
        return {
            "login": self._login,
            "inject": self._inject,
            "version": self._version,
            "terminal_info": self._terminal_info,
            "account_info": self._account_info,
            "symbols_total": lambda: len(self._broker.market.symbols),
            "symbols_get": lambda: self._quotes.symbols(self._now_ms(), self._hidden),
            "symbol_info": lambda name: self._quotes.symbol(name, self._now_ms(), self._hidden),
            "symbol_info_tick": lambda name: self._quotes.tick(name, self._now_ms()),
            "market_book_add": self._book_add,
            "market_book_get": self._book_get,
            "market_book_release": self._book_release,
            "symbol_select": self._select,
            "copy_ticks_from": lambda *a: self._quotes.ticks_from(self._now_ms(), *a),
            "copy_ticks_range": lambda *a: self._quotes.ticks_range(self._now_ms(), *a),
            "copy_rates_from": lambda *a: self._quotes.rates_from(self._now_ms(), *a),
            "copy_rates_from_pos": lambda *a: self._quotes.rates_from_pos(self._now_ms(), *a),
            "copy_rates_range": lambda *a: self._quotes.rates_range(self._now_ms(), *a),
            "order_calc_margin": self._calc_margin,
            "order_calc_profit": self._calc_profit,
            "order_check": self._order_check,
            "order_send": self._order_send,
            "orders_get": self._orders,
            "positions_get": self._positions,
            "history_orders_between": self._done_between,
            "history_orders_of_ticket": self._done_of_ticket,
            "history_orders_of_position": self._done_of_position,
            "history_deals_between": self._deals_between,
            "history_deals_of_ticket": self._deals_of_order,
            "history_deals_of_position": self._deals_of_position,
        }

    def _login(self, login: int, password: str, server: str) -> bool:
        wanted = login or self._saved
        account = self._broker.accounts.get(wanted)
        trusted = password == PASSWORD or (not password and wanted == self._saved)
        if account is None or not trusted or server not in ("", SERVER):
            self._account = None
            raise UNAUTHORISED
        fault = self._fault
        if fault is not None and fault.kind == "wrong_account":
            account = self._broker.accounts.get(fault.login, account)
        self._account = account
        return True

    def _version(self) -> tuple[int, int, str]:
        major, build, date = VERSION
        return major, build + self._faults.updates, date

    def _inject(self, rules: tuple[FaultRule, ...]) -> bool:
        """Not of the package: spoil the next trade requests of the saved account."""
        self._broker.inject(self._saved, rules)
        return True

    def _now_ms(self) -> int:
        """The time up to which the terminal knows the market."""
        if self._account is None:
            raise UNAUTHORISED
        return self._account.faults.heard_ms(self._broker.now_ms())

    def _book(self) -> Account:
        """The account, brought to now. Its lock is held by the caller."""
        account = self._owned()
        account.advance(self._broker.now_ms())
        return account

    def _owned(self) -> Account:
        if self._account is None:
            raise UNAUTHORISED
        return self._account

    def _terminal_info(self) -> TerminalInfo:
        account = self._owned()
        connected = not account.faults.offline(self._broker.now_ms())
        terms = account.ledger.terms
        return views.terminal_info(self._saved, terms, connected, self._faults.updates)

    def _account_info(self) -> AccountInfo:
        account = self._owned()
        server = account.faults.server(self._broker.now_ms(), SERVER)
        with account.lock:
            return views.account_info(self._book(), server)

    def _book_add(self, name: str) -> bool:
        self._owned()
        if name not in self._broker.market.symbols:
            raise NOT_FOUND
        self._books.add(name)
        return True

    def _book_get(self, name: str) -> tuple[BookInfo, ...]:
        if name not in self._books:
            raise NOT_FOUND
        with self._owned().lock:
            return self._quotes.book(name, self._now_ms())

    def _book_release(self, name: str) -> bool:
        self._owned()
        if name not in self._books:
            raise NOT_FOUND
        self._books.remove(name)
        return True

    def _select(self, name: str, enable: bool) -> bool:
        account = self._owned()
        if name not in self._broker.market.symbols:
            raise NOT_FOUND
        with account.lock:
            held = any(p.symbol == name for p in self._book().ledger.positions.values())
        if enable:
            self._hidden.discard(name)
        elif held:
            raise CallError(mt5.RES_E_FAIL, f"Terminal: {name} is in use")
        else:
            self._hidden.add(name)
        return True

    def _calc_margin(self, kind: int, name: str, volume: float, price: float) -> float:
        return margin_needed(self._owned(), kind, name, volume, price)

    def _calc_profit(
        self, kind: int, name: str, volume: float, opened: float, closed: float
    ) -> float:
        return profit_between(self._owned(), kind, name, volume, opened, closed)

    def _order_check(self, request: TradeRequest) -> OrderCheckResult:
        with self._owned().lock:
            return checked(self._book(), request)

    def _order_send(self, request: TradeRequest) -> OrderSendResult:
        account, fault = self._owned(), self._fault
        self._requests += 1
        number, kind = self._requests, None if fault is None else fault.kind
        if fault is not None and kind == "reject":
            return answer(Outcome(fault.retcode), request, number)
        late_ms = fault.delay_ms if fault is not None and kind == "late" else 0
        comment = fault.text if fault is not None and kind == "comment" else None
        outcome = dispatch(self._broker, account, request, number, late_ms, comment)
        return answer(outcome, request, number)

    def _orders(self) -> tuple[TradeOrder, ...]:
        with self._owned().lock:
            return views.orders(self._book())

    def _positions(self) -> tuple[TradePosition, ...]:
        with self._owned().lock:
            return views.positions(self._book())

    def _done_between(self, from_s: int, to_s: int) -> tuple[TradeOrder, ...]:
        with self._owned().lock:
            return tuple(self._book().ledger.done_between(from_s, to_s))

    def _done_of_ticket(self, ticket: int) -> tuple[TradeOrder, ...]:
        with self._owned().lock:
            found = self._book().ledger.done_order(ticket)
        return () if found is None else (found,)

    def _done_of_position(self, position: int) -> tuple[TradeOrder, ...]:
        with self._owned().lock:
            return tuple(self._book().ledger.done_of_position(position))

    def _deals_between(self, from_s: int, to_s: int) -> tuple[TradeDeal, ...]:
        with self._owned().lock:
            return tuple(self._book().ledger.deals_between(from_s, to_s))

    def _deals_of_order(self, ticket: int) -> tuple[TradeDeal, ...]:
        """Deals that an order made: the package filters deals by the ticket of their order."""
        with self._owned().lock:
            return tuple(self._book().ledger.deals_of_order(ticket))

    def _deals_of_position(self, position: int) -> tuple[TradeDeal, ...]:
        with self._owned().lock:
            return tuple(self._book().ledger.deals_of_position(position))


def _lost() -> LinkLostError:
    return LinkLostError(mt5.RES_E_INTERNAL_FAIL_RECEIVE, "IPC recv failed")
