"""Feeds histories of real accounts to the simulator and compares, cent by cent.

A quote is made for each deal, at its second and price. Run by hand, since the reports are internal:
`python -m tests.infra.mt5.simulator.histories FOLDER`. What has its inputs must be the same.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from infra.mt5 import constants as mt5
from infra.mt5.simulator.account import Account
from infra.mt5.simulator.expiry import DAY_MS
from infra.mt5.simulator.ledger import Position, opened
from infra.mt5.simulator.recorded import RecordedMarket
from infra.mt5.simulator.settings import AccountSettings, MarketSettings
from infra.mt5.simulator.specification import Specification
from infra.mt5.simulator.symbols import BY_NAME
from infra.mt5.simulator.ticks import Ticks
from infra.mt5.tuples import TradeDeal, TradeRequest
from tests.infra.mt5.scripts import NOTHING
from tests.infra.mt5.simulator.reports import NO_DEAL, UNITS, Close, Report, Step, read

CENT = 0.0051  # and what is lost where a report writes half a cent
RATE = 100.0  # of a lot and night: reports do not state it, only its sign is compared

NO_SWAP = "swap: account without any"
ONE_ROW = "swap: no other row tells the sign"
IN_A_DAY = "swap: charged within a day"


@dataclass(slots=True)
class Tally:
    """Of a report: how many of how many are the same, what differs, and what was left out."""

    name: str
    closes: int
    same: Counter[str] = field(default_factory=Counter)
    of: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)

    def compare(self, what: str, step: Step, told: float, booked: float) -> None:
        """Count a figure of the report against the simulator's own."""
        self.of[what] += 1
        if abs(told - booked) < CENT:
            self.same[what] += 1
        else:
            where = f"{self.name} {step.symbol} {step.of or step.at_ms}"
            self.differences.append(f"{where}: {what} is {told:g}, simulated {booked:g}")


def compared(report: Report) -> Tally:
    """A report against the simulator."""
    tally = Tally(report.name, len(report.closes))
    tally.left_out.update(close.left_out for _, close in report.closes if close.left_out)
    lacking = {step.symbol for step, close in report.closes if close.left_out}
    told = [step for step in report.steps if _whole(report, step, lacking)]
    symbols = {step.symbol: _symbol(step.symbol, report.commissions) for step in told}
    for step, close, deal, moved in replayed(report, told, symbols, swaps_given=True):
        tally.compare("profit", step, close.gained, deal.profit)
        tally.compare("balance", step, close.moved, moved)
    _compare_swaps(report, tally)
    return tally


def _whole(report: Report, step: Step, lacking: set[str]) -> bool:
    """Whether the position that a deal belongs to has all its inputs."""
    if report.netting:
        return step.symbol not in lacking
    return not any(c.left_out for s, c in report.closes if s.of == step.of)


def _compare_swaps(report: Report, tally: Tally) -> None:
    """Which positions are charged, and with which sign: that of other rows of symbol and side."""
    signs = _signs(report)
    priced = {s.of for s, close in report.closes if close.left_out != NO_DEAL}
    steps = [step for step in report.steps if report.netting or step.of in priced]
    closes = [close for step, close in report.closes if report.netting or step.of in priced]
    if not any(close.swap for close in closes):
        tally.left_out.update([NO_SWAP] * len(closes))
        return
    symbols = {step.symbol: _charged(step.symbol, signs) for step in steps}
    for step, close, deal, _ in replayed(report, steps, symbols, swaps_given=False):
        told, booked = _sign(close.swap), _sign(deal.swap)
        if told and not _overnight(step, close):
            tally.left_out[IN_A_DAY] += 1
            continue
        tally.compare("charged", step, abs(told), abs(booked))
        if _overnight(step, close):
            if signs[step.symbol, 1 - step.side].total() < 2:
                tally.left_out[ONE_ROW] += 1
            else:
                tally.compare("swap sign", step, told, booked)


def _signs(report: Report) -> dict[tuple[str, int], Counter[int]]:
    """The signs that positions held over midnight were charged with, by symbol and side."""
    signs: dict[tuple[str, int], Counter[int]] = defaultdict(Counter)
    for step, close in report.closes:
        if close.left_out != NO_DEAL and _overnight(step, close):
            signs[step.symbol, 1 - step.side][_sign(close.swap)] += 1
    return signs


def _overnight(step: Step, close: Close) -> bool:
    return close.since_ms // DAY_MS != step.at_ms // DAY_MS


def _sign(amount: float) -> int:
    return (amount > 0) - (amount < 0)


def replayed(
    report: Report, steps: list[Step], symbols: dict[str, Specification], *, swaps_given: bool
) -> list[tuple[Step, Close, TradeDeal, float]]:
    """Each close with the simulator's own deal and what it moved the balance by. Swaps that are
    given are put on the position before it is closed."""
    if not steps:
        return []
    account = _account(report, steps, symbols)
    ledger = account.ledger
    tickets: dict[int, int] = {}
    paid: dict[int, float] = {}
    told = []
    for step in steps:
        account.advance(step.at_ms)
        before, close = ledger.balance, step.close
        if close and swaps_given:
            _held(account, step, tickets).swap = close.swap
        ticket = tickets[step.of] if close and step.of else 0
        outcome = account.send(_request(step, ticket))
        if outcome.retcode != mt5.TRADE_RETCODE_DONE:
            raise RuntimeError(f"{report.name}: {step} is refused with {outcome.retcode}")
        moved = ledger.balance - before
        if close:
            told.append((step, close, ledger.deals[-1], moved + paid.get(step.of, 0.0)))
        elif step.of:
            tickets[step.of], paid[step.of] = outcome.fill.order, moved
    return told


def _account(report: Report, steps: list[Step], symbols: dict[str, Specification]) -> Account:
    netting = mt5.ACCOUNT_MARGIN_MODE_RETAIL_NETTING
    hedging = mt5.ACCOUNT_MARGIN_MODE_RETAIL_HEDGING
    mode = netting if report.netting else hedging
    terms = AccountSettings(deposit=1e9, leverage=500, commission_per_lot=0.0, margin_mode=mode)
    market = RecordedMarket(MarketSettings(symbols=tuple(symbols.values())), _quotes(steps))
    return Account(market, opened(1, terms, steps[0].at_ms - 1), lambda *_record: None)


def _held(account: Account, step: Step, tickets: dict[int, int]) -> Position:
    held = account.ledger.position_of(step.symbol)
    position = account.ledger.positions[tickets[step.of]] if step.of else held
    if position is None:
        raise RuntimeError(f"{step} closes a position that was not opened")
    return position


def _request(step: Step, position: int) -> TradeRequest:
    return NOTHING._replace(
        action=mt5.TRADE_ACTION_DEAL,
        symbol=step.symbol,
        type=step.side,
        volume=step.lots,
        price=step.price,
        position=position,
    )


def _symbol(name: str, commissions: dict[str, float]) -> Specification:
    """A symbol as retail brokers have it: 100,000 of a currency, ounces of a metal."""
    units = UNITS.get(name)
    euro = BY_NAME["EURUSD"]
    return replace(
        euro,
        name=name,
        base=name[:3],
        profit="USD" if units else name[3:],
        digits=5,
        contract_size=units or euro.contract_size,
        calc_mode=mt5.SYMBOL_CALC_MODE_CFDLEVERAGE if units else euro.calc_mode,
        volume_max=1_000.0,
        swap_mode=mt5.SYMBOL_SWAP_MODE_DISABLED,
        commission_per_lot=commissions[name],
    )


def _charged(name: str, signs: dict[tuple[str, int], Counter[int]]) -> Specification:
    """A symbol whose swap has the broker's signs. In it everything is in dollars: what it gains
    is not looked at, and so no rate is needed."""
    rates = []
    for side in (mt5.ORDER_TYPE_BUY, mt5.ORDER_TYPE_SELL):
        votes = signs[name, side]  # a single row tells nothing but itself
        rates.append(RATE * votes.most_common(1)[0][0] if votes.total() > 1 else RATE)
    return replace(
        _symbol(name, {name: 0.0}),
        profit="USD",
        contract_size=1.0,
        calc_mode=mt5.SYMBOL_CALC_MODE_CFDLEVERAGE,
        execution=mt5.SYMBOL_TRADE_EXECUTION_MARKET,
        swap_mode=mt5.SYMBOL_SWAP_MODE_CURRENCY_DEPOSIT,
        swap_long=rates[0],
        swap_short=rates[1],
    )


def _quotes(steps: list[Step]) -> dict[str, Ticks]:
    """A quote per deal: its price, on the side that it dealt at."""
    by_name: dict[str, list[Step]] = defaultdict(list)
    for step in steps:
        by_name[step.symbol].append(step)
    return {name: _of_symbol(each) for name, each in by_name.items()}


def _of_symbol(steps: list[Step]) -> Ticks:
    point = 1e-5
    price = np.array([step.price for step in steps])
    sells = np.array([step.side for step in steps])
    return Ticks(
        np.array([step.at_ms for step in steps], dtype=np.int64),
        np.round(price - point * (1 - sells), 5),
        np.round(price + point * sells, 5),
        np.full(len(steps), 6, dtype=np.uint32),
    )


def table(tallies: list[Tally]) -> str:
    """A line per report and one of the sums: closes, the same of how many, what was left out. A
    position is charged, or is not, a swap; its sign is compared where it is held over midnight."""
    whole = Tally("all", sum(tally.closes for tally in tallies))
    for tally in tallies:
        whole.same += tally.same
        whole.of += tally.of
        whole.left_out += tally.left_out
    heads = ("profit", "balance", "charged", "swap sign")
    lines = [f"{'report':8}{'closes':>7}" + "".join(f"{head:>13}" for head in heads)]
    for tally in (*tallies, whole):
        shares = (f"{tally.same[head]} of {tally.of[head]}" for head in heads)
        causes = ", ".join(f"{count} {why}" for why, count in sorted(tally.left_out.items()))
        counts = "".join(f"{share:>13}" for share in shares)
        lines.append(f"{tally.name:8}{tally.closes:>7}{counts}  left out: {causes or 'none'}")
    return "\n".join(lines)


def main(folder: Path) -> int:
    """Compare all reports of a folder, print the table; 1 if anything differs, or nothing is there
    to compare."""
    tallies = [compared(report) for report in read(folder)]
    print(table(tallies))
    differences = [line for tally in tallies for line in tally.differences]
    for line in differences:
        print(line, file=sys.stderr)
    return int(bool(differences) or not any(tally.of for tally in tallies))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("give the folder of the reports")
    sys.exit(main(Path(sys.argv[1])))
