"""There is one path to the venue: nothing but the gateway's sender calls `order_send`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[3]
NAME = "order_send"
SENDER = "infra/mt5/gateway/send.py"
TERMINALS = (
    "infra/mt5/agent/",
    "infra/mt5/terminal.py",
    "infra/mt5/package.py",
    "infra/mt5/remote.py",
    "infra/mt5/vendor.py",
    "infra/mt5/venue.py",
    "infra/mt5/wire.py",
    "infra/mt5/shim/",
    "infra/mt5/simulator/",
)
"""Those that define it, or carry it from a terminal to its broker."""
BENCHES = ("infra/bench/agent.py", "infra/bench/simulator.py", "infra/bench/warm.py")
"""They time it at venues that they have made for that, and that end with them."""
RULES = "infra/mt5/certify/"
"""They send to simulated brokers and, where told to, to demo accounts: see its `stage.py`."""
PACKAGES = [p.parent for p in ROOT.glob("*/__init__.py") if p.parent.name != "tests"]


def mentions(source: str) -> Iterator[int]:
    """Lines on which code, not prose, names it: an attribute, a name, or the string itself."""
    for node in ast.walk(ast.parse(source)):
        named = (
            getattr(node, "attr", None),
            getattr(node, "id", None),
            node.value if isinstance(node, ast.Constant) else None,
        )
        if NAME in named:
            yield node.lineno  # type: ignore[attr-defined] # all three kinds have one


def test_only_the_sender_calls_it() -> None:
    assert len(PACKAGES) >= 8
    found = {}
    for file in sorted(file for package in PACKAGES for file in package.rglob("*.py")):
        path = file.relative_to(ROOT).as_posix()
        if not path.startswith((*TERMINALS, *BENCHES, RULES)) and (
            lines := [*mentions(file.read_text())]
        ):
            found[path] = lines
    assert list(found) == [SENDER]
    assert len(found[SENDER]) == 1, "one place sends, and only there"


def test_only_the_command_reaches_the_rules() -> None:
    importers = [
        file.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for file in package.rglob("*.py")
        if "infra.mt5.certify" in file.read_text()
    ]
    assert [name for name in importers if not name.startswith(RULES)] == ["infra/cli/certify.py"]


def test_whoever_hides_the_name_in_a_string_is_found() -> None:
    assert [*mentions("getattr(terminal, 'order_send')(request)")] == [1]
    assert [*mentions("terminal.order_send(request)")] == [1]
    assert [*mentions('"""Prose about order_send."""')] == []
