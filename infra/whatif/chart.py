"""The simulated profit of both sides over time, as SVG: two stairs, one axis each way."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from infra.stream.wire import rfc3339
from infra.whatif.fills import Fill

WIDTH, HEIGHT, MARGIN = 960, 420, 70
COLOURS = {"as it was": "#4477aa", "otherwise": "#cc6677"}
LINES = 5
Points = list[tuple[int, float]]


def svg(live: Sequence[Fill], otherwise: Sequence[Fill], heading: str) -> str:
    """A chart for each currency, one under the other."""
    currencies = sorted({fill.currency for fill in (*live, *otherwise)}) or [""]
    panels = [
        _panel(
            {
                name: _stairs([fill for fill in fills if fill.currency == currency])
                for name, fills in (("as it was", live), ("otherwise", otherwise))
            },
            currency,
            number * HEIGHT,
        )
        for number, currency in enumerate(currencies)
    ]
    size = f'width="{WIDTH}" height="{HEIGHT * len(panels) + 40}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif">',
            '<rect width="100%" height="100%" fill="white"/>',
            f'<text x="{MARGIN}" y="24" font-size="14">{escape(heading)}</text>',
            *panels,
            "</svg>",
            "",
        ]
    )


def _stairs(fills: Sequence[Fill]) -> Points:
    """What had been earned after each end of an order."""
    points, total = Points(), 0.0
    for fill in sorted(fills, key=lambda fill: fill.closed_us):
        total += fill.profit
        points.append((fill.closed_us, total))
    return points


def _panel(lines: dict[str, Points], currency: str, below: int) -> str:
    points = [point for line in lines.values() for point in line] or [(0, 0.0)]
    begin, end = min(at for at, _ in points), max(at for at, _ in points)
    low, high = (edge((0.0, *(value for _, value in points))) for edge in (min, max))
    high += (high == low) * 1.0

    def x(at: int) -> float:
        return MARGIN + (WIDTH - 2 * MARGIN) * (at - begin) / max(1, end - begin)

    def y(value: float) -> float:
        return below + HEIGHT - MARGIN / 2 - (HEIGHT - 2 * MARGIN) * (value - low) / (high - low)

    drawn = [_line(y(each), f"{each:,.2f}") for each in _ticks(low, high)]
    drawn += [_text(x(at), below + HEIGHT - 8, rfc3339(at)[:19]) for at in {begin, end} if at]
    for number, (name, line) in enumerate(lines.items()):
        path = " ".join(f"H{x(at):.1f} V{y(value):.1f}" for at, value in line)
        start = f"M{MARGIN} {y(0.0):.1f}"
        drawn.append(f'<path d="{start} {path}" fill="none" stroke="{COLOURS[name]}"/>')
        legend = f"{name}: {line[-1][1] if line else 0.0:+,.2f} {currency} (simulated)"
        drawn.append(_text(MARGIN + 300 * number, below + 48, legend, COLOURS[name], "start"))
    return "\n".join(drawn)


def _ticks(low: float, high: float) -> list[float]:
    return [low + (high - low) * n / (LINES - 1) for n in range(LINES)]


def _line(at: float, name: str) -> str:
    ends = f'x1="{MARGIN}" x2="{WIDTH - MARGIN}" y1="{at:.1f}" y2="{at:.1f}"'
    return f'<line {ends} stroke="#ddd"/>' + _text(MARGIN - 6, at + 4, name, anchor="end")


def _text(x: float, y: float, said: str, colour: str = "#444", anchor: str = "middle") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}"'
    return f'<text {place} font-size="12">{escape(said)}</text>'
