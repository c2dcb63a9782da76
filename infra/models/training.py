"""`tapedeck train`: a model from the tape, judged, kept, and by default promoted to predict."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path

import msgspec

from infra.cli.parser import moment_us
from infra.cli.receipt import receipt
from infra.config import Config, ConfigError
from infra.models import files
from infra.models.environment import environment, environment_digest
from infra.models.record import recorded
from infra.models.rows import collected
from infra.observe.progress import Progress
from infra.store import postgres
from infra.store.draft import Answer
from infra.stream.schema_ids import SchemaIds
from processors.bars import TIMEFRAMES_S
from processors.training import drawing
from processors.training.course import Course, train_from
from processors.training.report import Report
from processors.training.split import TooFewRows
from processors.training.trees import LEAF_SHARE_MIN, ROUNDS, SETTINGS

FOREVER_US = 2**62


def configure(parser: argparse.ArgumentParser) -> None:
    """What to learn, from which stretch of event time, and what to do with it."""
    parser.add_argument("--timeframe", type=int, choices=TIMEFRAMES_S, default=TIMEFRAMES_S[0])
    parser.add_argument("--horizon", type=int, default=60, metavar="SECONDS")
    parser.add_argument("--from", dest="start", type=moment_us, default=0, metavar="TIME")
    parser.add_argument("--to", dest="end", type=moment_us, default=FOREVER_US, metavar="TIME")
    parser.add_argument(
        "--source",
        choices=("features", "ticks"),
        default="features",
        help="recorded features, or recorded ticks through the same steps (slower)",
    )
    parser.add_argument("--embargo", type=int, metavar="SECONDS", help="default: the horizon")
    parser.add_argument("--threads", type=int, default=1, help="the model is the same with any")
    parser.add_argument("--report", type=Path, metavar="FOLDER", help="write the report there")
    parser.add_argument(
        "--promote",
        choices=("better", "always", "never"),
        default="better",
        help="let it predict from now on; default: if it beats the base rate where it was judged",
    )


def main(config: Config, arguments: argparse.Namespace) -> int:
    """Train; exit 1 if the tape holds too little."""
    _check(arguments)
    try:
        course = _course(config, arguments)
    except TooFewRows as few:
        print(f"tapedeck: {few}", file=sys.stderr)
        return 1
    promote = arguments.promote == "always" or (
        arguments.promote == "better" and beats_the_base_rate(course.report)
    )
    told = kept(config, course, promote=promote)
    _show(course.report)
    print("promoted: it predicts from now on" if promote else "kept and registered, NOT promoted")
    if told:
        print(receipt(told))
    if arguments.report is not None:
        write_report(arguments.report, course.report)
    return 0


def kept(config: Config, course: Course, *, promote: bool) -> Answer:
    """Put a model in the store, and on the record of its decider. Again changes nothing."""
    files.put(config, course.model.ubj, figures_of(config, course))
    conninfo = postgres.address(config.postgres, config.namespace)
    return recorded(conninfo, course.report, environment_digest(config), promote=promote)


def beats_the_base_rate(report: Report) -> bool:
    """Whether it foretold unseen rows better than the share of moves up in training does."""
    return report.log_loss < report.base_rate_log_loss


def figures_of(config: Config, course: Course) -> bytes:
    """All that is worth knowing of the model beside its bytes, as JSON of one form."""
    figures = {
        "report": asdict(course.report),
        "settings": {**SETTINGS, "rounds": ROUNDS, "leaf_share_min": LEAF_SHARE_MIN},
        "environment": environment(config),
    }
    return msgspec.json.format(msgspec.json.encode(figures, order="sorted"))


def write_report(folder: Path, report: Report) -> None:
    """`<model>.md` and its reliability curve."""
    folder.mkdir(parents=True, exist_ok=True)
    picture = f"{report.model}.svg"
    (folder / f"{report.model}.md").write_text(drawing.page(report, picture))
    (folder / picture).write_text(drawing.reliability_curve(report.reliability))


def _check(arguments: argparse.Namespace) -> None:
    if arguments.horizon <= 0 or arguments.horizon % arguments.timeframe:
        raise ConfigError(
            f"--horizon is {arguments.horizon}; give a positive multiple of --timeframe, "
            f"{arguments.timeframe} s"
        )
    if arguments.threads < 1:
        raise ConfigError(f"--threads is {arguments.threads}; give 1 or more")


def _course(config: Config, arguments: argparse.Namespace) -> Course:
    with Progress(f"reading {arguments.source}", "records") as progress:
        rows = collected(
            config,
            SchemaIds(config),
            source=arguments.source,
            timeframe_s=arguments.timeframe,
            from_us=arguments.start,
            to_us=arguments.end,
            advance=progress.at,
        )
    labelled = rows.labelled(arguments.horizon)
    embargo_s = arguments.horizon if arguments.embargo is None else arguments.embargo
    print(f"growing {ROUNDS} trees on {len(labelled):,} rows", flush=True)
    return train_from(labelled, embargo_s=embargo_s, threads=arguments.threads)


def _show(report: Report) -> None:
    for name, value in drawing.facts(report):
        print(f"{name:<46}{value}")
    heads = ("confidence", "rows", "coverage", "accuracy", "gross bp", "cost bp", "net bp")
    for line in (heads, *drawing.thresholds(report)):
        print("{:<12}{:>8}{:>10}  {:<26}{:>10}{:>10}{:>10}".format(*line))
    print(f"model {report.model_digest}")
