"""What `tapedeck up` shows: a live screen on a terminal, lines anywhere else."""

from __future__ import annotations

import time
from collections import deque

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from infra.up.digits import Prices, volume
from infra.up.pulse import STARTING, Item, Pulse, filled_legs
from infra.up.run_file import Part

DRAW_EVERY_S = 0.5
LINE_EVERY_S = 5.0
NOTES = 5
WIDE_CELLS = 120
DECISION_LINES = 12
SHORT_ADDRESSES = ("API", "logs")


class Lines:
    """One line every few seconds, and one for each thing that is seen live for the first time."""

    def __init__(self, pulse: Pulse, addresses: dict[str, str]) -> None:
        self._pulse = pulse
        self._addresses = addresses
        self._told: set[str] = set()
        self._next_s = 0.0

    def __enter__(self) -> Lines:
        self._pulse.__enter__()
        for what, where in self._addresses.items():
            self.note(f"{what:<10}{where}")
        return self

    def __exit__(self, *ended: object) -> None:
        self._pulse.__exit__(*ended)

    def note(self, line: str) -> None:
        """Something happened to a child."""
        print(line, flush=True)

    def show(self, parts: tuple[Part, ...]) -> None:
        """Called often; says something when there is something to say."""
        self._pulse.parts = parts
        for what, after_s in dict(self._pulse.first).items():
            if what not in self._told:
                self._told.add(what)
                self.note(f"{what}: {after_s:.1f} s after the services were up")
        if time.monotonic() >= self._next_s:
            self._next_s = time.monotonic() + LINE_EVERY_S
            self.note(self._summary())

    def _summary(self) -> str:
        beat = self._pulse.beat
        said = [_sum(self._pulse), f"{sum(beat.rates.values()):.1f} ticks/s"]
        said += [f"prediction {_prediction(p)}" for p in beat.predictions[:1]]
        said += [f"execution {_execution(x)}" for x in beat.executions[:1]]
        return " | ".join([*said, beat.trouble] if beat.trouble else said)


class Screen:
    """The live screen. Drawn by its own thread; the main thread hands it the parts.

    A narrow terminal gets the decisions below the tables; a short one only the roles that do not
    work, and the addresses one needs first.
    """

    def __init__(
        self, pulse: Pulse, addresses: dict[str, str], console: Console | None = None
    ) -> None:
        self._pulse = pulse
        self._addresses = addresses
        self._began_s = time.monotonic()
        self._notes: deque[str] = deque(maxlen=NOTES)
        self._prices = Prices()
        self._console = console or Console()
        self._live = Live(
            get_renderable=self.draw, console=self._console, refresh_per_second=1 / DRAW_EVERY_S
        )

    def __enter__(self) -> Screen:
        self._pulse.__enter__()
        self._live.start()
        return self

    def __exit__(self, *ended: object) -> None:
        self._live.stop()
        self._pulse.__exit__(*ended)

    def note(self, line: str) -> None:
        """Something happened to a child: shown below until newer notes push it out."""
        self._notes.append(f"{time.strftime('%H:%M:%S')} {line}")

    def show(self, parts: tuple[Part, ...]) -> None:
        """The parts to draw from now on."""
        self._pulse.parts = parts

    def draw(self) -> RenderableType:
        """All of it, as it is now, for the terminal as it is now."""
        beat = self._pulse.beat
        for tick in beat.ticks:
            self._prices.see(tick["symbol"], tick["bid"], tick["ask"])
        wide, short = self._console.width >= WIDE_CELLS, self._is_short()
        running_s = int(time.monotonic() - self._began_s)
        up_for = f"Tapedeck, up for {running_s // 60}:{running_s % 60:02d}"
        notes = [Text(note, style="yellow") for note in self._notes]
        if beat.trouble:
            notes.insert(0, Text(beat.trouble, style="dim" if beat.trouble == STARTING else "red"))
        return Group(
            Text(f"{up_for}, {_sum(self._pulse)}", style="bold"),
            *self._middle(wide, short),
            self._where(short),
            *notes,
            Text("Ctrl-C stops all of it", style="dim"),
        )

    def _is_short(self) -> bool:
        beside = 0 if self._console.width >= WIDE_CELLS else DECISION_LINES
        rows = len(self._pulse.parts) + len(self._addresses) + beside + NOTES
        return self._console.height < rows

    def _middle(self, wide: bool, short: bool) -> list[RenderableType]:
        ticks = _ticks_table(self._pulse.beat.ticks, self._pulse.beat.rates, self._prices)
        decisions = self._decisions(1 if short else None)
        states = {p: self._pulse.state(p) for p in self._pulse.parts}
        shown = {p: state for p, state in states.items() if not short or state != "running"}
        beside = Table.grid(padding=(0, 4 if wide else 2))
        tables = [_parts_table(shown, self._pulse, wide)] if shown else []
        if wide:
            beside.add_row(*tables, Group(ticks, *decisions))
            return [beside]
        beside.add_row(*tables, ticks)
        return [beside, *decisions]

    def _where(self, short: bool) -> Table:
        where = Table.grid(padding=(0, 2))
        where.add_column(no_wrap=True)
        where.add_column(overflow="fold")
        for what, address in self._addresses.items():
            if not short or what in SHORT_ADDRESSES:
                where.add_row(Text(what, style="dim"), address)
        return where

    def _decisions(self, predictions_max: int | None) -> list[RenderableType]:
        beat, prices = self._pulse.beat, self._prices
        lines = [_line(f"prediction {_prediction(p)}") for p in beat.predictions[:predictions_max]]
        lines += [_line(f"signal     {_signal(s, prices)}", "cyan") for s in beat.signals]
        for execution in beat.executions:
            lines.append(_line(f"execution  {_execution(execution)}", "green"))
            symbol = execution["symbol"]
            lines += [
                _line(f"           {_leg(leg, symbol, prices)}", "green")
                for leg in execution["legs"]
            ]
        return list(lines)


def _line(text: str, style: str = "") -> Text:
    return Text(text, style=style, no_wrap=True, overflow="ellipsis")


def _sum(pulse: Pulse) -> str:
    works = sum(1 for p in pulse.parts if pulse.state(p) == "running")
    mib = sum(cost.memory_mib for cost in pulse.costs.values())
    weight = f", {mib:,} MiB" if mib else ""
    return f"{works} of {len(pulse.parts)} at work{weight}"


def _parts_table(states: dict[Part, str], pulse: Pulse, wide: bool) -> Table:
    """On a narrow terminal without the figures that seldom matter."""
    table = Table("role", box=None, padding=(0, 1))
    for column in ("pid", "restarts", "MiB", "lag") if wide else ("", "MiB", "lag"):
        table.add_column(column, justify="right", no_wrap=True)
    for p, state in states.items():
        cost = pulse.costs.get(p.name)
        mib = str(cost.memory_mib) if cost else ""
        lag = str(cost.lag_messages) if cost and cost.lag_messages is not None else ""
        works = state == "running"
        told = [str(p.pid or "") if works else state] if wide else ["" if works else state]
        told += [str(p.restarts)] if wide else []
        table.add_row(p.name, *told, mib, lag, style=_STYLES.get(state, "red"))
    return table


def _ticks_table(ticks: tuple[Item, ...], rates: dict[str, float], prices: Prices) -> Table:
    table = Table("symbol", box=None, padding=(0, 1))
    for column in ("bid", "ask", "ticks/s"):
        table.add_column(column, justify="right", no_wrap=True)
    for tick in ticks:
        symbol = tick["symbol"]
        sides = (prices.text(symbol, tick[side]) for side in ("bid", "ask"))
        table.add_row(symbol, *sides, f"{rates.get(symbol, 0.0):.1f}")
    return table


def _prediction(item: Item) -> str:
    sure = f"up {item['probability_up']:.3f}, confidence {item['confidence']:.2f}"
    horizon = f"over {item['horizon_s']} s"
    return f"{_clock(item['as_of_us'])} {item['symbol']:<7} {sure}, {horizon}"


def _signal(item: Item, prices: Prices) -> str:
    what = f"{item['side']} at {prices.text(item['symbol'], item['price_reference'])}"
    return (
        f"{_clock(item['at_us'])} {item['symbol']:<7} {what}, confidence {item['confidence']:.2f}"
    )


def _execution(item: Item) -> str:
    legs = f"{filled_legs(item)} of {len(item['legs'])} legs filled"
    return f"{_clock(item['as_of_us'])} {item['symbol']:<7} {item['side']} {item['state']}, {legs}"


def _leg(item: Item, symbol: str, prices: Prices) -> str:
    price = f" at {prices.text(symbol, item['price'])}" if item["price"] else ""
    detail = f" ({item['detail']})" if item["detail"] else ""
    return f"{item['account']} {item['state']} {volume(item['filled_lots'])} lots{price}{detail}"


def _clock(time_us: int) -> str:
    return time.strftime("%H:%M:%S", time.gmtime(time_us / 1e6))


_STYLES = {"running": "", "starting": "yellow"}
