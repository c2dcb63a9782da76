"""`tapedeck mt5 certify` and `tapedeck mt5 record`: how true to the real thing a terminal is."""

from __future__ import annotations

import argparse
import re
import sys
from io import StringIO
from pathlib import Path

from infra.config import Config, ConfigError
from infra.mt5.certify import report
from infra.mt5.certify.recording import RecordedStage, RecordingStage, parsed
from infra.mt5.certify.rule import Rule
from infra.mt5.certify.rules import FAMILIES, RULES
from infra.mt5.certify.run import Outcome, Verdict, all_tried, summary
from infra.mt5.certify.shapes import differences
from infra.mt5.certify.situations import SimulatorStage
from infra.mt5.certify.stage import LiveStage, Refused, Stage
from infra.observe.progress import Progress

SIMULATOR, VENDOR, RECORDING = "simulator", "metatrader5", ".jsonl"
ADDRESS = re.compile(r"[^/\\\s]+:\d+")


def configure(certify: argparse.ArgumentParser) -> None:
    """What is wanted of `certify`."""
    _configure_terminal(certify, ", or a recording (.jsonl)")
    certify.add_argument(
        "--report", type=Path, metavar="FILE", help="write it there: .md, or .json for programs"
    )
    certify.add_argument("--list", action="store_true", help="only list the rules")


def configure_record(record: argparse.ArgumentParser) -> None:
    """What is wanted of `record`."""
    _configure_terminal(record, "")
    record.add_argument(
        "-o", dest="to", type=Path, required=True, metavar="FILE", help="written there: .jsonl"
    )
    record.add_argument("--keep-money", action="store_true", help="leave amounts as they are")


def _configure_terminal(parser: argparse.ArgumentParser, more: str) -> None:
    parser.add_argument(
        "--terminal",
        default="",
        metavar="TERMINAL",
        help="simulator, metatrader5 (the vendor's package), host:port of an account's agent"
        + more,
    )
    parser.add_argument("--rules", default="", metavar="PREFIX", help="only these: MT5-8, ...")
    parser.add_argument(
        "--through-agent", action="store_true", help="the simulator behind an agent, mutual TLS"
    )
    parser.add_argument("--account", help="whose agent it is; else the first that is configured")
    parser.add_argument("--path", help="of the vendor's terminal program")
    parser.add_argument("--symbol", default="EURUSD", help="what is read and traded")
    parser.add_argument(
        "--trade",
        action="store_true",
        help="also rules that trade: least volumes, on a demo account, cleared away afterwards",
    )


def main(config: Config, given: argparse.Namespace) -> int:
    """The exit status: 1 where a rule failed, none was tried, or the simulator is unlike a
    recording."""
    if given.list:
        print(report.listed(FAMILIES), end="")
        return 0
    rules = _rules(given)
    if given.report and given.report.suffix not in report.SUFFIXES:
        raise ConfigError(f"report {given.report} has no known suffix; give .md or .json")
    if given.report:
        _writable(given.report)
    stage = _stage(config, given)
    _warn(stage)
    with Progress("certify", "rules") as progress:
        verdicts = all_tried(rules, stage, progress.at)
    if given.report:
        given.report.write_text(_reported(given.report, stage, verdicts))
    unlike = _unlike(rules, stage) if isinstance(stage, RecordedStage) else []
    for line in unlike:
        print(f"the simulator answers in another shape: {line}")
    for verdict in verdicts:
        if verdict.outcome is Outcome.FAILED:
            print(f"{verdict.rule.name} {verdict.rule.title}: {verdict.detail}")
    print(summary(verdicts))
    outcomes = {verdict.outcome for verdict in verdicts}
    return int(bool(unlike) or Outcome.FAILED in outcomes or Outcome.PASSED not in outcomes)


def record(config: Config, given: argparse.Namespace) -> int:
    """The exit status: of a recording that could be made."""
    rules, stage = _rules(given), _stage(config, given)
    if given.to.suffix != RECORDING:
        raise ConfigError(f"recording {given.to} has another suffix than {RECORDING}")
    _writable(given.to)
    _warn(stage)
    with given.to.open("w") as to, Progress("record", "rules") as progress:
        recording = RecordingStage(stage, to, money=not given.keep_money)
        verdicts = all_tried(rules, recording, progress.at)
    print(f"recorded {recording.calls} calls of {stage.name} in {given.to}")
    print(summary(verdicts))
    return 0


def _writable(file: Path) -> None:
    """Say before anything is tried that nothing can be kept there."""
    try:
        file.open("a").close()
    except OSError as wrong:
        raise ConfigError(f"{file} cannot be written: {wrong.strerror}") from wrong


def _warn(stage: Stage) -> None:
    """Say what is going to be traded, where something is."""
    if isinstance(stage, LiveStage) and stage.trade:
        what = f"{stage.lots:g} lots of {stage.symbol} at a time"
        told = f"trades on demo account {stage.login}, {what}, and clears it away"
        print(told, file=sys.stderr)


def _rules(given: argparse.Namespace) -> tuple[Rule, ...]:
    rules = tuple(rule for rule in RULES if rule.name.startswith(given.rules))
    if not rules:
        raise ConfigError(f"no rule's number begins with {given.rules}; they are MT5-101 and so on")
    return rules


def _reported(file: Path, stage: Stage, verdicts: tuple[Verdict, ...]) -> str:
    if file.suffix == ".json":
        return report.json(stage.name, verdicts)
    return report.markdown(stage.name, FAMILIES, verdicts)


def _unlike(rules: tuple[Rule, ...], golden: RecordedStage) -> list[str]:
    """Where the simulator of today answers in other shapes than were recorded."""
    to = StringIO()
    all_tried(rules, RecordingStage(SimulatorStage(), to, money=True), lambda _done, _all: None)
    return list(differences(golden.lines, parsed(to.getvalue())[1]))


def _stage(config: Config, given: argparse.Namespace) -> Stage:
    """The stage that `--terminal` names; `ConfigError` says why it is none."""
    if given.terminal == SIMULATOR:
        return _simulator(given)
    if given.trade and given.terminal.endswith(RECORDING):
        raise ConfigError("--trade is for real terminals; a recording is as it is")
    if given.through_agent:
        raise ConfigError("--through-agent is for the simulator; give an agent's host:port")
    try:
        if given.terminal == VENDOR:
            return _vendor(given)
        if ADDRESS.fullmatch(given.terminal):
            return _agent(config, given)
        if given.terminal.endswith(RECORDING):
            return RecordedStage(Path(given.terminal))
    except Refused as why:
        raise ConfigError(str(why)) from why
    raise ConfigError(
        f"terminal {given.terminal!r} is none; give simulator, metatrader5, host:port "
        f"or a recording ({RECORDING})"
    )


def _simulator(given: argparse.Namespace) -> Stage:
    if given.trade:
        raise ConfigError("--trade is for real terminals; the simulator trades in any case")
    if not given.through_agent:
        return SimulatorStage()
    from infra.mt5.certify.agent import behind_agent  # with gRPC: others start without it

    return SimulatorStage(behind_agent, "simulator behind an agent")


def _vendor(given: argparse.Namespace) -> Stage:
    """The package chooses a terminal by itself where it is not told which: never let it."""
    if not given.path:
        raise ConfigError("give --path of the terminal's program, so that no other is taken")
    from infra.mt5.vendor import VendorTerminal

    try:
        terminal = VendorTerminal()
    except (RuntimeError, ImportError) as wrong:
        raise ConfigError(str(wrong)) from wrong
    opening = {"path": given.path}
    return LiveStage.of(
        f"metatrader5 at {given.path}", terminal, given.symbol, given.trade, opening
    )


def _agent(config: Config, given: argparse.Namespace) -> Stage:
    from infra.run.agent import agent_terminal
    from infra.secrets.provider import SecretsError

    account = given.account or next(iter(config.accounts), "")
    try:
        terminal = agent_terminal(config, account, given.terminal)
    except SecretsError as wrong:
        raise ConfigError(str(wrong)) from wrong
    name = f"agent of {account} at {given.terminal}"
    return LiveStage.of(name, terminal, given.symbol, given.trade, {})
