"""The house rules as functions over source text: each yields the sentences it complains with."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
CORE = ("events", "commands", "sagas", "processors", "projections", "schemas")
PACKAGES = (*CORE, "read_api", "infra", "tests")

FILE_LINES_MAX = 300
FUNCTION_LINES_MAX = 40
GRAB_BAGS = {"utils", "util", "helpers", "common", "base", "manager", "service", "misc"}

BANNED_CALLS = {
    "time.time": "a time that is a field of the message",
    "time.time_ns": "a time that is a field of the message",
    "time.monotonic": "a time that is a field of the message",
    "datetime.now": "a time that is a field of the message",
    "datetime.utcnow": "a time that is a field of the message",
    "uuid4": "uuid5 over what caused it",
    "uuid.uuid4": "uuid5 over what caused it",
    "hash": "hashlib, which is the same in every process",
    "open": "the outer ring, infra",
    "print": "an event",
    "random.random": "a seed that is a field of the message",
    "os.getenv": "an argument",
}

# What each folder may import beside the standard library and our own packages below it.
THIRD_PARTY: dict[str, set[str]] = {
    "events": {"msgspec"},
    "commands": {"msgspec"},
    "sagas": {"msgspec"},
    "processors": {"msgspec", "numpy", "xgboost", "torch"},
    "projections": {"msgspec", "psycopg"},
    "schemas": {"msgspec", "fastavro", "avro", "numpy"},
    "read_api": {"msgspec", "fastapi", "starlette", "pydantic", "psycopg", "psycopg_pool"},
}

# Libraries that one file of `infra` wraps for all others; `rich` has one for what moves and one
# for what stands still.
ONE_FILE_ONLY = {
    "faust": ("infra/run/faust_host.py", "infra/run/faust_transport.py"),
    "grpc": ("infra/mt5/agent/tls.py",),
    "MetaTrader5": ("infra/mt5/vendor.py",),
    "eventsourcing": ("infra/store/recorders.py",),
    "opentelemetry": ("infra/observe/otel.py",),
    "rich": ("infra/up/screen.py", "infra/cli/tables.py"),
}

MACHINE_PATH = re.compile(r"(?<![\w.])/(?:work|root|home/[a-z]+)/")
HOSTS = re.compile(
    "|".join(
        ("pypi" + r"\.org", "files.python" + "hosted", r"repo1?\." + "maven", "registry.np" + "mjs")
    )
)


def modules() -> Iterator[Path]:
    """Every Python file of the project."""
    for package in PACKAGES:
        yield from sorted((ROOT / package).rglob("*.py"))


def lengths(name: str, source: str) -> Iterator[str]:
    """Files and functions that are too long to be read in one go."""
    lines = source.count("\n")
    if lines > FILE_LINES_MAX:
        yield f"{name} has {lines} lines; split it below {FILE_LINES_MAX}"
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            size = (node.end_lineno or node.lineno) - node.lineno + 1
            if size > FUNCTION_LINES_MAX:
                yield f"{name}:{node.lineno} {node.name} has {size} lines; split it below 40"


def banned_calls(name: str, source: str) -> Iterator[str]:
    """Clock, luck and I/O in the pure core."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and (called := ast.unparse(node.func)) in BANNED_CALLS:
            yield f"{name}:{node.lineno} calls {called}; use {BANNED_CALLS[called]}"


def swallowed(name: str, source: str) -> Iterator[str]:
    """Broad exceptions that are caught and forgotten."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ExceptHandler) and _is_broad(node) and _is_silent(node):
            yield f"{name}:{node.lineno} swallows an exception; handle the one you expect"


def imports(source: str) -> set[str]:
    """The top-level names that a file imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module.split(".")[0])
    return found


def imported_modules(source: str) -> set[str]:
    """The dotted names that a file may load: imports, and text that names a module of ours."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and _names_a_module(node.value):
            found.add(str(node.value))
    return found


def machine_traces(name: str, text: str) -> Iterator[str]:
    """Paths of one machine and hosts of registries."""
    for number, line in enumerate(text.splitlines(), 1):
        if MACHINE_PATH.search(line):
            yield f"{name}:{number} holds a path of one machine"
        if HOSTS.search(line):
            yield f"{name}:{number} names a registry's host"


def _names_a_module(value: object) -> bool:
    return isinstance(value, str) and bool(re.fullmatch(r"[a-z_0-9]+(\.[a-z_0-9]+)+", value))


def _is_broad(handler: ast.ExceptHandler) -> bool:
    return handler.type is None or ast.unparse(handler.type) in {"Exception", "BaseException"}


def _is_silent(handler: ast.ExceptHandler) -> bool:
    return all(isinstance(node, ast.Pass | ast.Continue) for node in handler.body)
