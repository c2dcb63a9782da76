"""The house rules hold everywhere, and each rule can fail."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import house

SOURCES = {str(path.relative_to(house.ROOT)): path.read_text() for path in house.modules()}
OURS = set(house.PACKAGES)

Rule = Callable[[str, str], Iterator[str]]


def complaints(rule: Rule, folders: tuple[str, ...] = house.PACKAGES) -> list[str]:
    """What a rule says of all files in these folders."""
    return [
        complaint
        for name, source in SOURCES.items()
        if name.split("/")[0] in folders
        for complaint in rule(name, source)
    ]


def test_files_and_functions_are_short() -> None:
    assert complaints(house.lengths) == []


def test_the_core_has_no_clock_no_luck_and_no_io() -> None:
    assert complaints(house.banned_calls, house.CORE) == []


def test_no_exception_is_swallowed() -> None:
    assert complaints(house.swallowed) == []


def test_no_grab_bags() -> None:
    assert [name for name in SOURCES if Path(name).stem in house.GRAB_BAGS] == []


def test_folders_import_only_the_libraries_they_may() -> None:
    known = OURS | set(sys.stdlib_module_names)
    strangers = {
        name: foreign
        for name, source in SOURCES.items()
        if (allowed := house.THIRD_PARTY.get(name.split("/")[0])) is not None
        and (foreign := house.imports(source) - allowed - known)
    }
    assert strangers == {}


def test_only_models_and_training_import_learning_libraries() -> None:
    learners = [
        name
        for name, source in SOURCES.items()
        if name.startswith("processors/")
        and not name.startswith(("processors/models/", "processors/training/"))
        and house.imports(source) & {"xgboost", "torch"}
    ]
    assert learners == []


def test_each_foreign_library_has_one_door() -> None:
    others = {
        name: library
        for name, source in SOURCES.items()
        if not name.startswith(("tests/", "infra/bench/peers/"))
        for library in house.imports(source) & set(house.ONE_FILE_ONLY)
        if name not in house.ONE_FILE_ONLY[library]
    }
    assert others == {}


@pytest.mark.parametrize("package", house.PACKAGES)
def test_packages_are_ours_and_say_what_lives_there(package: str) -> None:
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert Path(str(spec.origin)).is_relative_to(house.ROOT)
    for init in sorted((house.ROOT / package).rglob("__init__.py")):
        assert init.read_text().startswith('"""'), f"{init} has no docstring"


def test_no_file_is_dead() -> None:
    used = set().union(*(house.imported_modules(source) for source in SOURCES.values()))
    dead = [
        name
        for name in SOURCES
        if not name.startswith(("tests/", "infra/bench/peers/"))
        and not name.endswith("__init__.py")
        and name.removesuffix(".py").replace("/", ".") not in used
    ]
    assert dead == []


def test_tracked_files_name_no_machine_and_no_host() -> None:
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=house.ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    traces = [
        trace
        for name in tracked
        if (house.ROOT / name).is_file() and not name.endswith((".png", ".ubj", ".zst"))
        for trace in house.machine_traces(name, (house.ROOT / name).read_text(errors="replace"))
    ]
    assert traces == []


@pytest.mark.parametrize(
    ("rule", "source"),
    [
        (house.lengths, "def f():\n" + "    x = 1\n" * 41),
        (house.lengths, "x = 1\n" * 301),
        (house.banned_calls, "import time\nnow = time.time()\n"),
        (house.banned_calls, "key = hash('EURUSD')\n"),
        (house.swallowed, "try:\n    x = 1\nexcept Exception:\n    pass\n"),
        (house.machine_traces, "log = '/" + "work/main/log'\n"),
    ],
)
def test_each_rule_can_fail(rule: Rule, source: str) -> None:
    assert list(rule("broken.py", source))
