"""The report as a page a person reads: Markdown, and the reliability curve as SVG."""

from __future__ import annotations

from datetime import UTC, datetime

from processors.training.figures import Bin, Share
from processors.training.report import Report

SIDE_PX = 420
MARGIN_PX = 50
IMPORTANCE_SHOWN = 10


def page(report: Report, picture: str) -> str:
    """The report as Markdown; `picture` is the file of the curve."""
    return "\n".join(
        [
            f"# {report.model}",
            "",
            *_about(report),
            "",
            "| on rows it never saw | |",
            "|---|---|",
            *(f"| {name} | {value} |" for name, value in facts(report)),
            "",
            "Accuracy is bracketed by a 95 % Wilson interval over the rows that count: outcomes",
            "overlap in time and symbols move together, so blocks of ten horizons say how many",
            "independent rows there are. Gross is the mean move in the direction foretold; cost is",
            "half the spread on the way in and half on the way out.",
            "",
            "| confidence from | rows | coverage | accuracy | gross bp | cost bp | net bp |",
            "|---|---|---|---|---|---|---|",
            *(f"| {' | '.join(line)} |" for line in thresholds(report)),
            "",
            f"![Reliability]({picture})",
            "",
            "| feature | share of gain |",
            "|---|---|",
            *(f"| {name} | {gain:.3f} |" for name, gain in report.importance[:IMPORTANCE_SHOWN]),
            "",
        ]
    )


def facts(report: Report) -> list[tuple[str, str]]:
    """The figures by name."""
    return [
        ("rows to train, calibrate, judge", _counts(report)),
        ("left out: mid unmoved, horizon not reached", f"{report.rows_flat}, {report.rows_open}"),
        ("share that went up", f"{report.base_rate:.4f}"),
        ("accuracy", _share(report.accuracy)),
        ("accuracy of always the majority side", f"{report.majority_accuracy:.4f}"),
        ("accuracy of trees grown on shuffled labels", _share(report.shuffled_accuracy)),
        ("log loss (nats)", f"{report.log_loss:.5f}"),
        ("log loss of the base rate", f"{report.base_rate_log_loss:.5f}"),
        ("calibration error", f"{report.calibration_error:.4f}"),
    ]


def thresholds(report: Report) -> list[tuple[str, ...]]:
    """One line of figures per least confidence."""
    return [
        (
            f"{s.confidence_min:.2f}",
            f"{s.rows}",
            f"{s.coverage:.3f}",
            _share(s.accuracy),
            f"{s.gross_bp:+.3f}",
            f"{s.cost_bp:.3f}",
            f"{s.net_bp:+.3f}",
        )
        for s in report.selected
    ]


def reliability_curve(bins: tuple[Bin, ...]) -> str:
    """What was foretold against what came, as SVG; the dashed line is perfect calibration."""
    low, high = _bounds(bins)
    dots = [(_x(b.foretold, low, high), _y(b.came, low, high)) for b in bins]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in dots)
    corner, far = MARGIN_PX, SIDE_PX - MARGIN_PX
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIDE_PX} {SIDE_PX}" '
            'font-family="sans-serif" font-size="12">',
            f'<rect width="{SIDE_PX}" height="{SIDE_PX}" fill="white"/>',
            f'<path d="M{corner} {corner}V{far}H{far}" fill="none" stroke="black"/>',
            f'<path d="M{corner} {far}L{far} {corner}" stroke="gray" stroke-dasharray="4"/>',
            f'<polyline points="{line}" fill="none" stroke="#1f6f8b" stroke-width="2"/>',
            *(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="#1f6f8b"/>' for x, y in dots),
            *_labels(low, high),
            "</svg>",
            "",
        ]
    )


def _about(report: Report) -> list[str]:
    return [
        f"Direction of the mid over {report.horizon_s} s from the close of a "
        f"{report.timeframe_s} s bar; {', '.join(report.symbols)}.",
        f"Learned from rows up to {_time(report.trained_to_us)}, judged on "
        f"{_time(report.test_from_us)} to {_time(report.test_to_us)} (UTC).",
        "",
        f"Model `{report.model_digest}`  ",
        f"Features `{report.feature_digest}`  ",
        f"Data set `{report.dataset_digest}`",
    ]


def _counts(report: Report) -> str:
    return f"{report.rows_train}, {report.rows_calibration}, {report.rows_test}"


def _share(share: Share) -> str:
    return f"{share.value:.4f} [{share.low:.4f}, {share.high:.4f}]"


def _time(time_us: int) -> str:
    return datetime.fromtimestamp(time_us / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _bounds(bins: tuple[Bin, ...]) -> tuple[float, float]:
    """A square around all points, with room."""
    reach = max(max(abs(b.foretold - 0.5), abs(b.came - 0.5)) for b in bins)
    reach = min(0.5, max(0.01, 1.1 * reach))
    return 0.5 - reach, 0.5 + reach


def _x(value: float, low: float, high: float) -> float:
    return MARGIN_PX + (value - low) / (high - low) * (SIDE_PX - 2 * MARGIN_PX)


def _y(value: float, low: float, high: float) -> float:
    return SIDE_PX - _x(value, low, high)


def _labels(low: float, high: float) -> list[str]:
    middle, far = SIDE_PX / 2, SIDE_PX - MARGIN_PX
    texts = [
        (middle, SIDE_PX - 12, "middle", "probability foretold"),
        (middle, 24, "middle", "share that went up, in ten bins of equal count"),
        (MARGIN_PX, far + 18, "middle", f"{low:.3f}"),
        (far, far + 18, "middle", f"{high:.3f}"),
        (MARGIN_PX - 6, far, "end", f"{low:.3f}"),
        (MARGIN_PX - 6, MARGIN_PX + 4, "end", f"{high:.3f}"),
    ]
    return [
        f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">{text}</text>'
        for x, y, anchor, text in texts
    ]
