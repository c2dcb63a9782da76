"""What `tapedeck up` shows: a live screen on a terminal, lines anywhere else."""

from __future__ import annotations

import time
from collections import deque
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from infra.gauges import Cost
from infra.pulse import Item, Pulse, filled_legs
from infra.run_file import Part

DRAW_EVERY_S = 0.5
LINE_EVERY_S = 5.0
NOTES = 5


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

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pulse.__exit__(kind, error, trace)

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
            self.note(self._summary(parts))

    def _summary(self, parts: tuple[Part, ...]) -> str:
        beat = self._pulse.beat
        up = sum(1 for p in parts if p.state == "running")
        mib = sum(cost.memory_mib for cost in self._pulse.costs.values())
        said = [f"{up}/{len(parts)} up", f"{mib} MiB", f"{sum(beat.rates.values()):.1f} ticks/s"]
        said += [f"prediction {_prediction(p)}" for p in beat.predictions[:1]]
        said += [f"execution {_execution(x)}" for x in beat.executions[:1]]
        return " | ".join([*said, beat.trouble] if beat.trouble else said)


class Screen:
    """The live screen. Drawn by its own thread; the main thread hands it the parts."""

    def __init__(self, pulse: Pulse, addresses: dict[str, str]) -> None:
        self._pulse = pulse
        self._addresses = addresses
        self._began_s = time.monotonic()
        self._notes: deque[str] = deque(maxlen=NOTES)
        self._live = Live(
            get_renderable=self.draw, console=Console(), refresh_per_second=1 / DRAW_EVERY_S
        )

    def __enter__(self) -> Screen:
        self._pulse.__enter__()
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()
        self._pulse.__exit__(kind, error, trace)

    def note(self, line: str) -> None:
        """Something happened to a child: shown below until newer notes push it out."""
        self._notes.append(f"{time.strftime('%H:%M:%S')} {line}")

    def show(self, parts: tuple[Part, ...]) -> None:
        """The parts to draw from now on."""
        self._pulse.parts = parts

    def draw(self) -> RenderableType:
        """All of it, as it is now."""
        beat = self._pulse.beat
        running_s = int(time.monotonic() - self._began_s)
        head = Text(f"Tapedeck, up for {running_s // 60}:{running_s % 60:02d}", style="bold")
        middle = Table.grid(padding=(0, 4))
        middle.add_row(
            _parts_table(self._pulse.parts, self._pulse.costs),
            Group(_ticks_table(beat.ticks, beat.rates), *self._decisions()),
        )
        where = Table.grid(padding=(0, 2))
        for what, address in self._addresses.items():
            where.add_row(Text(what, style="dim"), address)
        notes = [Text(note, style="yellow") for note in self._notes]
        trouble = [Text(beat.trouble, style="red")] if beat.trouble else []
        return Group(
            head, middle, where, *trouble, *notes, Text("Ctrl-C stops all of it", style="dim")
        )

    def _decisions(self) -> list[RenderableType]:
        beat = self._pulse.beat
        lines = [Text(f"prediction {_prediction(p)}") for p in beat.predictions]
        lines += [Text(f"signal     {_signal(s)}", style="cyan") for s in beat.signals]
        for execution in beat.executions:
            lines.append(Text(f"execution  {_execution(execution)}", style="green"))
            lines += [Text(f"           {_leg(leg)}", style="green") for leg in execution["legs"]]
        return list(lines)


def _parts_table(parts: tuple[Part, ...], costs: dict[str, Cost]) -> Table:
    table = Table("role", box=None)
    for column in ("pid", "restarts", "MiB", "lag"):
        table.add_column(column, justify="right")
    for p in parts:
        cost = costs.get(p.name, Cost(0, None))
        lag = "" if cost.lag_messages is None else str(cost.lag_messages)
        style = "" if p.state == "running" else "red"
        figures = (str(p.pid or p.state), str(p.restarts), str(cost.memory_mib), lag)
        table.add_row(p.name, *figures, style=style)
    total_mib = sum(cost.memory_mib for cost in costs.values())
    table.add_row("all", "", "", str(total_mib), "", style="bold")
    return table


def _ticks_table(ticks: tuple[Item, ...], rates: dict[str, float]) -> Table:
    table = Table("symbol", box=None)
    for column in ("bid", "ask", "ticks/s"):
        table.add_column(column, justify="right")
    for tick in ticks:
        rate = rates.get(tick["symbol"], 0.0)
        table.add_row(tick["symbol"], str(tick["bid"]), str(tick["ask"]), f"{rate:.1f}")
    return table


def _prediction(item: Item) -> str:
    sure = f"up {item['probability_up']:.3f}, confidence {item['confidence']:.2f}"
    horizon = f"over {item['horizon_s']} s"
    return f"{_clock(item['as_of_us'])} {item['symbol']:<7} {sure}, {horizon}"


def _signal(item: Item) -> str:
    what = f"{item['side']} at {item['price_reference']:.5f}"
    return (
        f"{_clock(item['at_us'])} {item['symbol']:<7} {what}, confidence {item['confidence']:.2f}"
    )


def _execution(item: Item) -> str:
    legs = f"{filled_legs(item)} of {len(item['legs'])} legs filled"
    return f"{_clock(item['as_of_us'])} {item['symbol']:<7} {item['side']} {item['state']}, {legs}"


def _leg(item: Item) -> str:
    price = f" at {item['price']}" if item["price"] else ""
    detail = f" ({item['detail']})" if item["detail"] else ""
    return f"{item['account']} {item['state']} {item['filled_lots']} lots{price}{detail}"


def _clock(time_us: int) -> str:
    return time.strftime("%H:%M:%S", time.gmtime(time_us / 1e6))
