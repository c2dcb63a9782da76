"""The house rules hold everywhere, and each rule can fail."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from tests import house

SOURCES = {str(path.relative_to(house.ROOT)): path.read_text() for path in house.modules()}
OURS = set(house.PACKAGES)


@pytest.mark.parametrize("name", SOURCES)
def test_files_and_functions_are_short(name: str) -> None:
    assert list(house.lengths(name, SOURCES[name])) == []


@pytest.mark.parametrize("name", [name for name in SOURCES if name.split("/")[0] in house.CORE])
def test_the_core_has_no_clock_no_luck_and_no_io(name: str) -> None:
    assert list(house.banned_calls(name, SOURCES[name])) == []


@pytest.mark.parametrize("name", SOURCES)
def test_no_exception_is_swallowed(name: str) -> None:
    assert list(house.swallowed(name, SOURCES[name])) == []


@pytest.mark.parametrize("name", SOURCES)
def test_no_grab_bags(name: str) -> None:
    assert Path(name).stem not in house.GRAB_BAGS


@pytest.mark.parametrize("name", [n for n in SOURCES if n.split("/")[0] in house.THIRD_PARTY])
def test_folders_import_only_the_libraries_they_may(name: str) -> None:
    allowed = house.THIRD_PARTY[name.split("/")[0]] | OURS | set(sys.stdlib_module_names)
    assert house.imports(SOURCES[name]) - allowed == set()


@pytest.mark.parametrize("name", [n for n in SOURCES if n.startswith("processors/")])
def test_only_models_and_training_import_learning_libraries(name: str) -> None:
    if not name.startswith(("processors/models/", "processors/training/")):
        assert house.imports(SOURCES[name]) & {"xgboost", "torch"} == set()


@pytest.mark.parametrize("name", [n for n in SOURCES if not n.startswith("tests/")])
def test_each_foreign_library_has_one_door(name: str) -> None:
    foreign = house.imports(SOURCES[name]) & set(house.ONE_FILE_ONLY)
    assert {library: house.ONE_FILE_ONLY[library] for library in foreign} == dict.fromkeys(
        foreign, name
    )


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
        if not name.startswith("tests/")
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
def test_each_rule_can_fail(rule, source: str) -> None:  # type: ignore[no-untyped-def] # any rule
    assert list(rule("broken.py", source))
