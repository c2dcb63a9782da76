"""Pairs of requests and answers of a terminal, by rule, in a file that is one JSON object a line.

The first line says what was recorded. `RecordingStage` writes down what happens on another stage,
`RecordedStage` gives it again: the same answers to the same requests in the same order.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO, cast

from infra.mt5.certify.answers import read, written
from infra.mt5.certify.rule import NotRecorded, Rule
from infra.mt5.certify.scene import Scene
from infra.mt5.certify.scrub import Scrubber
from infra.mt5.certify.stage import Refused, Stage
from infra.mt5.certify.tapped import Call, Tapped
from infra.mt5.failure import SUCCESS
from infra.mt5.terminal import Terminal

FORMAT = 1
_WRONG = (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError)
Line = dict[str, Any]
Lines = Mapping[int, list[Line]]


class RecordingStage:
    """Another stage, all of whose calls are written down, scrubbed."""

    def __init__(self, stage: Stage, to: TextIO, money: bool) -> None:
        self._stage = stage
        self._to = to
        self._money = money
        self._scrubber: Scrubber | None = None
        self.calls = 0

    @property
    def name(self) -> str:
        """What is recorded."""
        return self._stage.name

    def bars(self, rule: Rule) -> str:
        """As the stage has it."""
        return self._stage.bars(rule)

    @contextmanager
    def scene(self, rule: Rule) -> Iterator[Scene]:
        """The scene, listened to."""
        with self._stage.scene(rule) as scene:
            scrubber = self._begun(scene)

            def through(name: str, call: Call, *arguments: Any, **keywords: Any) -> Any:
                if name == "last_error":
                    return call()
                line = _asked(name, scrubber, arguments, keywords)
                try:
                    answer = call(*arguments, **keywords)
                except Exception as wrong:
                    self._write({"rule": rule.number, **line, "raises": type(wrong).__name__})
                    raise
                code, text = scene.terminal.last_error()
                left = {"error": [code, scrubber.text(text)]}
                told = {"answer": scrubber.answered(written(answer)), **left}
                self._write({"rule": rule.number, **line, **told})
                return answer

            yield replace(scene, terminal=cast("Terminal", Tapped(scene.terminal, through)))

    def _begun(self, scene: Scene) -> Scrubber:
        if self._scrubber is None:
            account = scene.account()
            self._scrubber = Scrubber(scene.login, account.balance, scene.now_s(), self._money)
            for known in (account, scene.given("terminal_info")):
                self._scrubber.answered(written(known))  # so that nobody says it first
            head = {
                "recording": FORMAT,
                "login": self._scrubber.stand_in,
                "symbol": scene.symbol,
                "lots": scene.lots,
                "names": {n: v for n, v in scene.names.items() if n.isupper() and type(v) is int},
            }
            print(json.dumps(head), file=self._to)
        return self._scrubber

    def _write(self, line: Line) -> None:
        self.calls += 1
        print(json.dumps(line), file=self._to)


class RecordedStage:
    """A recording, as if its terminal were there."""

    def __init__(self, file: Path) -> None:
        self.name = f"recording {file.name}"
        self.head, self.lines = lines_of(file)

    def bars(self, _rule: Rule) -> str:
        """Nothing is done to anything."""
        return ""

    @contextmanager
    def scene(self, rule: Rule) -> Iterator[Scene]:
        """What was recorded of the rule, from its first call on."""
        terminal = cast("Terminal", RecordedTerminal(self.lines.get(rule.number, [])))
        yield Scene(
            terminal,
            self.head["login"],
            self.head["symbol"],
            self.head["lots"],
            lambda _ms: None,
            spoil=lambda _how: None,
            names=self.head["names"],
        )


class RecordedTerminal:
    """Answers as was recorded. Whoever asks something else gets `NotRecorded`."""

    def __init__(self, lines: list[Line]) -> None:
        self._lines = iter(lines)
        self._error = SUCCESS

    def last_error(self) -> tuple[int, str]:
        """What the call before left."""
        return self._error

    def __getattr__(self, name: str) -> Any:
        def called(*arguments: Any, **keywords: Any) -> Any:
            asked = _asked(name, None, arguments, keywords)
            line = next(self._lines, None)
            if line is None or {key: line[key] for key in asked} != asked:
                raise NotRecorded(f"the recording does not go on with {name}")
            if "raises" in line:
                raise (TypeError if line["raises"] == "TypeError" else RuntimeError)(name)
            self._error = (line["error"][0], line["error"][1])
            return read(line["answer"])

        return called


def lines_of(file: Path) -> tuple[Line, Lines]:
    """A recording's first line, and the calls of each rule."""
    try:
        return parsed(file.read_text())
    except (OSError, *_WRONG) as wrong:
        raise Refused(f"{file} is no recording: {wrong}") from wrong


def parsed(text: str) -> tuple[Line, Lines]:
    """The same of a recording's text."""
    by_rule: dict[int, list[Line]] = {}
    first, *rest = text.splitlines()
    head: Line = json.loads(first)
    if head["recording"] != FORMAT:
        raise ValueError(f"it is of format {head['recording']}, not {FORMAT}")
    _lacks(head, "login", "symbol", "lots", "names")
    for line in map(json.loads, rest):
        _lacks(line, "call", "arguments", "keywords")
        if "raises" not in line:
            _lacks(line, "answer")
            read(line["answer"])
            _code, _text = line["error"]
        by_rule.setdefault(line["rule"], []).append(line)
    return head, by_rule


def _lacks(line: Line, *names: str) -> None:
    """`KeyError` names the first that is not there."""
    if lacking := [name for name in names if name not in line]:
        raise KeyError(lacking[0])


def _asked(
    name: str, scrubber: Scrubber | None, arguments: tuple[Any, ...], keywords: dict[str, Any]
) -> Line:
    """A request as it is written down, and as it is recognised."""
    known = scrubber or Scrubber(0, 0.0, 0)
    plain = [known.asked(written(each)) for each in arguments]
    named = {key: known.asked(written(each), key) for key, each in sorted(keywords.items())}
    line = {"call": name, "arguments": plain, "keywords": named}
    return cast("Line", json.loads(json.dumps(line)))
