"""What a program finds under the vendor's name when `tapedeck mt5 shim` runs it."""

import sys as _sys

try:
    from infra.mt5.shim import process as _process
except ModuleNotFoundError as _missing:
    raise ImportError(
        f"{_sys.executable} has no {_missing.name}, which the simulator needs; "
        "run the program with the Python of tapedeck, or install tapedeck for this one"
    ) from _missing

globals().update(_process.names())
