"""What a platform is trusted for, asked of it while it is read: moments, rebuilds, proofs.

Each is asked as a person would ask: over HTTP, or with a command of its own.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx

from infra.config import Config
from infra.rebuild import drill as rebuilds
from infra.rebuild.rebuilding import Different
from infra.up.children import CODE, environment
from infra.verify.verdict import Verdict, verdict
from projections import PROJECTIONS
from read_api.asof import PARAMETER
from read_api.routes import RESOURCES

POSITION = "Tapedeck-Position"
TIMEOUT_S = 60.0
COMMAND_DEADLINE_S = 300.0
READERS, LIES = 20, 42
EVER = ("1970-01-01T00:00:00Z", "2100-01-01T00:00:00Z")

Answers = Mapping[str, tuple[Any, str]]
"""What was said by path, and the positions it was said of."""


def answers(config: Config) -> Answers:
    """What each list says now that can be asked of a moment, and the first row of each."""
    with _client(config) as client:
        return dict(_said(client))


def as_they_were(config: Config, heard: Answers) -> Verdict:
    """What was answered then is answered again, at the positions that it named."""
    faults = []
    with _client(config) as client:
        for path, (said, position) in heard.items():
            again = client.get(path, params={PARAMETER: position})
            if again.status_code != httpx.codes.OK:
                faults.append(f"{path}: {again.status_code} {again.text[:120]}")
            elif (again.json(), again.headers[POSITION]) != (said, position):
                faults.append(f"{path} says something else of {position[:80]}")
    faults += [] if heard else ["nothing was asked"]
    return verdict("every answer is given again, as of its moment", faults, f"{len(heard)} paths")


def rebuilt(config: Config) -> Verdict:
    """Every read model, folded anew under readers: the same rows, no error, no step backwards."""
    answered, faults = 0, []
    for projection in (p for p in PROJECTIONS if any(r.projection is p for r in RESOURCES)):
        try:
            seen = asyncio.run(rebuilds.drill(config, projection, READERS, _unheard))
        except Different as wrong:
            faults.append(str(wrong))
            continue
        answered += seen.answers
        faults += [f"{projection.name}: {count} x {what}" for what, count in seen.errors.items()]
        faults += [f"{projection.name}: {seen.backwards} backwards"] if seen.backwards else []
    faults += [] if answered else ["nobody read"]
    detail = f"{len(PROJECTIONS)} read models, {READERS} readers, {answered:,} answers"
    return verdict("read models are built anew while they are read", faults, detail)


def proven(config: Config) -> list[Verdict]:
    """The tape agrees with its proofs; lies about it are found; others can check it alone."""
    return [
        _asked(config, "the tape is what was signed", "audit", "verify"),
        _asked(config, "lies are found and named", "drill", "tamper", "--lies", str(LIES)),
        _bundled(config),
    ]


def _bundled(config: Config) -> Verdict:
    """An auditor's file checks itself with nothing but Python."""
    claim = "an auditor's bundle verifies where Tapedeck is not"
    with tempfile.TemporaryDirectory(prefix="tapedeck-bundle-") as folder:
        file = Path(folder) / "bundle.zip"
        start, end = EVER
        made = _asked(config, claim, "audit", "bundle", "--from", start, "--to", end, str(file))
        if not made.holds:
            return made
        with zipfile.ZipFile(file) as content:
            content.extract("verify.py", folder)
        return _ended(claim, [sys.executable, "-I", "-S", "verify.py", file.name], Path(folder), {})


def _asked(config: Config, claim: str, *words: str) -> Verdict:
    argv = [sys.executable, "-m", "infra.cli.main", *words]
    return _ended(claim, argv, CODE, environment(config))


def _ended(claim: str, argv: list[str], folder: Path, variables: Mapping[str, str]) -> Verdict:
    """Whether a command ends well, and the last that it says."""
    ended = subprocess.run(
        argv, cwd=folder, env=dict(variables), capture_output=True, text=True, check=False,
        timeout=COMMAND_DEADLINE_S,
    )  # fmt: skip
    lines = (ended.stdout + ended.stderr).strip().splitlines()
    bad = [line for line in lines if line.startswith(("BAD", "MISSED"))]
    said = "; ".join([*bad[:3], *lines[-1:]]) or "it says nothing"
    return Verdict(claim, ended.returncode == 0, said)


def _said(client: httpx.Client) -> Iterator[tuple[str, tuple[Any, str]]]:
    """Lists as the document names them, and of each list its first row."""
    keys = {each.path: each.query.key for each in RESOURCES}
    for path, methods in client.get("/openapi.json").json()["paths"].items():
        names = [each["name"] for each in methods["get"].get("parameters", ())]
        if PARAMETER not in names or "{" in path:
            continue
        answer = client.get(path)
        yield path, _heard(answer)
        for row in answer.json()["items"][: bool(keys[path])]:
            one = f"{path}/{row[keys[path]]}"
            yield one, _heard(client.get(one))


def _heard(answer: httpx.Response) -> tuple[Any, str]:
    answer.raise_for_status()
    return answer.json(), answer.headers[POSITION]


def _client(config: Config) -> httpx.Client:
    return httpx.Client(base_url=config.api, timeout=TIMEOUT_S)


def _unheard(_said: str) -> None:
    """Verdicts are what is told."""
