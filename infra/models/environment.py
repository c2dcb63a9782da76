"""What the bits of a decision may depend on beside its inputs: machine, stack, settings.

Equal digests mean that a recomputed decision must be equal bit for bit. Models and limits are not
in it: a prediction names its model by digest, and an execution has its limits in its own journal.
"""

from __future__ import annotations

import hashlib
import json
import platform
from functools import cache
from importlib.metadata import version
from pathlib import Path

from infra.config import Config
from processors.features import FEATURE_DIGEST
from schemas.catalog import TYPES
from schemas.derive import schema_of

INFERENCE_THREADS = 1
BATCH_ROWS = "any"
"""XGBoost gives a row the same bits in whatever batch it stands."""
LOCK = Path(__file__).parents[2] / "requirements.lock"
LIBRARIES = ("numpy", "xgboost")


def environment(config: Config) -> dict[str, str]:
    """The facts, by name."""
    decisive = {"accounts": config.accounts, "symbols": config.symbols, "seed": config.seed}
    return {**_machine(), "configuration": _digest(decisive)}


def environment_digest(config: Config) -> str:
    """SHA-256 over the facts."""
    return _digest(environment(config))


@cache
def _machine() -> dict[str, str]:
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "libc": " ".join(platform.libc_ver()),
        "system": platform.system(),
        "machine": platform.machine(),
        "cpu_flags": _cpu_flags(),
        "inference_threads": str(INFERENCE_THREADS),
        "batch_rows": BATCH_ROWS,
        "lock": hashlib.sha256(LOCK.read_bytes()).hexdigest() if LOCK.exists() else "absent",
        "features": FEATURE_DIGEST,
        "schemas": _digest([schema_of(kind) for kind in TYPES.values()]),
        **{library: version(library) for library in LIBRARIES},
    }


def _digest(facts: object) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _cpu_flags() -> str:
    """The instruction sets the CPU offers, sorted; outside Linux the name of the processor."""
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.exists():
        return platform.processor()
    for line in cpuinfo.read_text().splitlines():
        if line.startswith(("flags", "Features")):
            return " ".join(sorted(line.partition(":")[2].split()))
    return platform.processor()
