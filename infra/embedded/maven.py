"""Kafka's jars, fetched once by Maven into a folder that all copies share."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from infra.config import Config, ConfigError
from infra.embedded.process import ServiceError

KAFKA_VERSION = "4.1.1"
JAVA_MIN = 17
_FETCH_DEADLINE_S = 300
_POM = """\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>tapedeck</groupId><artifactId>embedded-kafka</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{kafka}</version></dependency>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-storage</artifactId><version>{kafka}</version></dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>2.24.3</version></dependency>
  </dependencies>
</project>
"""


def kafka_jars(cache: Path, note: Callable[[str], None] = print) -> Path:
    """The folder of jars, filled on first use. Two copies may ask at once."""
    jars = cache / f"kafka-{KAFKA_VERSION}"
    if not jars.is_dir():
        note(f"Maven fetches Kafka {KAFKA_VERSION} into {jars}, once")
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache, prefix="fetch-") as folder:
            _fetch(Path(folder))
            _move_into_place(Path(folder, "jars"), jars)
    return jars


def java() -> str:
    """The Java to run, of an age that Kafka accepts."""
    home = os.environ.get("JAVA_HOME")
    program = shutil.which("java", path=f"{home}/bin") if home else shutil.which("java")
    if program is None:
        where = f"JAVA_HOME ({home})" if home else "the PATH"
        raise ServiceError(
            f"java is not on {where}; install Java {JAVA_MIN} or newer, "
            "for instance with `apt install default-jdk-headless`"
        )
    said = subprocess.run([program, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(?:1\.)?(\d+)', said)
    if found is None or int(found[1]) < JAVA_MIN:
        shown = said.splitlines()[0] if said else "nothing"
        raise ServiceError(
            f"{program} is too old for Kafka ({shown}); install Java {JAVA_MIN} or newer"
        )
    return program


def _fetch(folder: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise ServiceError(
            "mvn is not on the PATH; install Maven (apt install maven): it fetches Kafka's jars"
        )
    Path(folder, "pom.xml").write_text(_POM.format(kafka=KAFKA_VERSION))
    command = [
        maven,
        "-q",
        "-B",
        "dependency:copy-dependencies",
        "-DincludeScope=runtime",
        "-DoutputDirectory=jars",
    ]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=_FETCH_DEADLINE_S, check=False
    )
    if done.returncode != 0:
        errors = [line for line in done.stdout.splitlines() if "ERROR" in line]
        reason = errors[0] if errors else done.stderr.strip()
        raise ServiceError(f"Maven could not fetch Kafka {KAFKA_VERSION}: {reason}")


def _move_into_place(fetched: Path, jars: Path) -> None:
    try:
        fetched.rename(jars)
    except OSError:
        if not jars.is_dir():  # else another copy was first, with the same jars
            raise


if __name__ == "__main__":  # before a long run: what is missing is named first
    try:
        java()
        kafka_jars(Config.load(os.environ).cache)
    except (ConfigError, ServiceError) as wrong:
        sys.exit(f"tapedeck: {wrong}")
