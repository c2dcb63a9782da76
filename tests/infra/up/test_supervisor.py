"""The supervisor over real processes: small programs in place of roles."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from infra.config import Config
from infra.embedded.process import ServiceError
from infra.up import run_file
from infra.up.children import (
    BACK_OFF_S,
    BACK_OFF_S_MAX,
    CODE,
    LOG_BYTES_MAX,
    Patience,
    bound_log,
    last_line,
)
from infra.up.roles import Role
from infra.up.supervisor import Supervisor

DEADLINE_S = 20.0
SLEEPS = "import time; time.sleep(600)"
STUBBORN = f"import signal; signal.signal(15, signal.SIG_IGN); print('deaf'); {SLEEPS}"


@pytest.fixture
def home(tmp_path: Path) -> Config:
    return Config.load({"TAPEDECK_HOME": str(tmp_path / "home")})


@pytest.fixture
def supervisor(home: Config) -> Iterator[Supervisor]:
    """Runs the text in a role's arguments as a Python program."""

    def program(_config: Config, role: Role) -> list[str]:
        return [sys.executable, "-u", "-c", *role.arguments]

    supervisor = Supervisor(home, lambda _line: None, program)
    yield supervisor
    supervisor.stop(deadline_s=0.0)


def test_a_role_that_ends_is_started_again(supervisor: Supervisor) -> None:
    child = supervisor.add_role(Role("short", ("print('lived')",), 1))

    def restarted_twice() -> bool:
        supervisor.look()
        return child.patience.restarts >= 2

    until(restarted_twice)
    assert child.log.read_text().splitlines()[:2] == ["lived", "lived"]
    assert last_line(child.log) == "lived"


def test_restarts_wait_longer_each_time_up_to_a_limit_and_are_forgiven() -> None:
    patience = Patience()
    now_s, waits_s = 100.0, []
    for _ in range(8):
        patience.begin(now_s)
        died_s = now_s + 1.0
        assert not patience.due(died_s)
        now_s = next(t for t in (died_s + i / 10 for i in range(1000)) if patience.due(t))
        waits_s.append(round(now_s - died_s, 1))
    assert waits_s == [BACK_OFF_S, 1.0, 2.0, 4.0, 8.0, *[BACK_OFF_S_MAX] * 3]
    patience.begin(now_s)
    assert not patience.due(now_s + 60.0)
    assert patience.due(now_s + 60.0 + BACK_OFF_S)


def test_parts_tell_what_runs_and_what_waits(supervisor: Supervisor) -> None:
    supervisor.add_role(Role("works", (SLEEPS,), 1))
    gone = supervisor.add_role(Role("fails", ("raise SystemExit(1)",), 1))
    until(lambda: not gone.running())
    works, fails = supervisor.parts()
    assert (works.state, works.alive()) == ("running", True)
    assert (fails.state, fails.alive()) == ("waiting", False)


@pytest.mark.thorough
def test_stages_stop_in_falling_order_and_the_deaf_are_killed(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    tells = textwrap.dedent("""
        import signal, sys, time
        def end(*_):
            open(sys.argv[1], "a").write(sys.argv[2])
            raise SystemExit
        signal.signal(signal.SIGTERM, end)
        print("ready")
        time.sleep(600)
    """)
    order = tmp_path / "order"
    children = [
        supervisor.add_role(Role(f"stage-{n}", (tells, str(order), str(n)), n)) for n in (1, 2, 3)
    ]
    deaf = supervisor.add_role(Role("deaf", (STUBBORN,), 4))
    until(lambda: all(last_line(c.log) in ("ready", "deaf") for c in (*children, deaf)))
    supervisor.stop(deadline_s=1.0)
    assert order.read_text() == "321"
    assert not deaf.running()


def test_nothing_outlives_a_killed_supervisor(tmp_path: Path) -> None:
    script = textwrap.dedent(f"""
        import sys, time
        from infra.config import Config
        from infra.up.roles import Role
        from infra.up.supervisor import Supervisor
        config = Config.load({{"TAPEDECK_HOME": {str(tmp_path)!r}}})
        s = Supervisor(config, print, lambda c, r: [sys.executable, "-c", *r.arguments])
        s.add_role(Role("a", ({SLEEPS!r},), 1))
        s.add_role(Role("b", ({STUBBORN!r},), 1))
        print(*(p.pid for p in s.parts()), flush=True)
        time.sleep(600)
    """)
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=CODE)
    assert parent.stdout is not None
    pids = [int(pid) for pid in parent.stdout.readline().split()]
    assert all(psutil.pid_exists(pid) for pid in pids)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    until(lambda: not any(_runs(pid) for pid in pids))


def test_a_home_is_held_by_one_copy(tmp_path: Path) -> None:
    named = rf"held by a running copy \(pid {os.getpid()}\)"
    with (
        run_file.held(tmp_path),
        pytest.raises(ServiceError, match=named),
        run_file.held(tmp_path),
    ):
        pytest.fail("held twice")
    with run_file.held(tmp_path):
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


def test_leftovers_of_a_killed_copy_are_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_file, "LEFTOVER_DEADLINE_S", 0.2)
    left = subprocess.Popen([sys.executable, "-c", SLEEPS])
    part = run_file.part("left", left.pid, "running")
    stranger = run_file.Part("stranger", os.getpid(), part.created_s - 60, "running", 0)
    us = run_file.part("supervisor", os.getpid(), "running")
    run_file.write(tmp_path, run_file.Run(us, "running", 0.0, {}, (part, stranger)))
    run_file.end_leftovers(tmp_path)
    assert left.wait(DEADLINE_S) == -signal.SIGKILL
    assert not part.alive()
    assert not stranger.alive()


def test_a_long_log_makes_room_at_start(tmp_path: Path) -> None:
    log = tmp_path / "role.log"
    log.write_bytes(b"x" * (LOG_BYTES_MAX + 1))
    bound_log(log)
    assert not log.exists()
    assert log.with_suffix(".log.1").stat().st_size == LOG_BYTES_MAX + 1


def until(happens: Callable[[], object]) -> None:
    deadline_s = time.monotonic() + DEADLINE_S
    while not happens():
        assert time.monotonic() < deadline_s, "it did not happen in time"
        time.sleep(0.02)


def _runs(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
