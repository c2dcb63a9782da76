"""What a program finds under the vendor's name when `tapedeck mt5 shim` runs it."""

import sys as _sys

_NEEDED = ("msgspec", "numpy", "zstandard")
"""All that the simulator takes from others; the last for recordings alone."""

if _sys.version_info < (3, 11):  # noqa: UP036 - it is the program's Python, not ours
    raise ImportError(
        f"{_sys.executable} is Python {_sys.version.split()[0]}; the simulator needs 3.11 or newer"
    )
try:
    from infra.mt5.shim import process as _process

    _names = _process.names()
except ModuleNotFoundError as _missing:
    if _missing.name not in _NEEDED:
        raise
    raise ImportError(
        f"{_sys.executable} has no {_missing.name}, which the simulator needs: "
        f"{_sys.executable} -m pip install {' '.join(_NEEDED)}"
    ) from None

globals().update(_names)
