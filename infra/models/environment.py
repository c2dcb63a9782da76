"""What the bits of a prediction may depend on beside model and features: this machine, this stack.

Equal digests mean that a recomputed prediction must be equal bit for bit.
"""

from __future__ import annotations

import hashlib
import json
import platform
from functools import cache
from importlib.metadata import version
from pathlib import Path

INFERENCE_THREADS = 1
LIBRARIES = ("numpy", "xgboost")


@cache
def environment() -> dict[str, str]:
    """The facts, by name."""
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "libc": " ".join(platform.libc_ver()),
        "system": platform.system(),
        "machine": platform.machine(),
        "cpu_flags": _cpu_flags(),
        "inference_threads": str(INFERENCE_THREADS),
        **{library: version(library) for library in LIBRARIES},
    }


def environment_digest() -> str:
    """SHA-256 over the facts."""
    return hashlib.sha256(json.dumps(environment(), sort_keys=True).encode()).hexdigest()


def _cpu_flags() -> str:
    """The instruction sets the CPU offers, sorted; outside Linux the name of the processor."""
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.exists():
        return platform.processor()
    for line in cpuinfo.read_text().splitlines():
        if line.startswith(("flags", "Features")):
            return " ".join(sorted(line.partition(":")[2].split()))
    return platform.processor()
