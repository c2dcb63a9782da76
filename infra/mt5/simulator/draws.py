"""Random numbers by address: the n-th draw of a stream is computed, never stepped to.

Only integer arithmetic, sums, products and square roots are used here and in the price process,
which IEEE 754 defines to the last bit: every machine makes the same prices. (Library exponentials
and logarithms differ between processors.)
"""

from hashlib import sha256

import numpy as np
import numpy.typing as npt

Bits = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_LOW_16 = np.uint64(0xFFFF)

# Scales of a normal mixture and how many of 64 draws take each: fat tails of kurtosis about 11.
_TAIL = np.repeat(np.array([0.75, 1.25, 2.2, 4.0]), [48, 12, 3, 1])
_TAIL /= np.sqrt(np.cumsum(_TAIL * _TAIL)[-1] / 64)

# The sum of four 16-bit uniforms, centred and scaled to variance one, is near enough to normal.
_SUM_MEAN = 2 * 65_535.0
_SUM_DEVIATION = float(np.sqrt((65_536.0**2 - 1) / 3))


def stream_key(seed: int, *names: str) -> int:
    """The key of a named stream of draws."""
    text = "/".join((str(seed), *names))
    return int.from_bytes(sha256(text.encode()).digest()[:8], "big")


def bits(key: int, start: int, count: int) -> Bits:
    """Draws `start` to `start + count` of a stream: SplitMix64 (Steele, Lea, Flood, 2014)."""
    z = np.arange(start + 1, start + 1 + count, dtype=np.uint64)
    z *= _GAMMA
    z += np.uint64(key)
    z ^= z >> np.uint64(30)
    z *= _MIX_1
    z ^= z >> np.uint64(27)
    z *= _MIX_2
    z ^= z >> np.uint64(31)
    return z


def uniforms(drawn: Bits) -> Floats:
    """Draws as numbers in [0, 1)."""
    return (drawn >> np.uint64(11)).astype(np.float64) * 2.0**-53


def normals(drawn: Bits) -> Floats:
    """Draws as numbers of mean zero and variance one, nearly normal."""
    total = (drawn & _LOW_16) + ((drawn >> np.uint64(16)) & _LOW_16)
    total += ((drawn >> np.uint64(32)) & _LOW_16) + (drawn >> np.uint64(48))
    scaled: Floats = (total.astype(np.float64) - _SUM_MEAN) / _SUM_DEVIATION
    return scaled


def shocks(key: int, start: int, count: int) -> Floats:
    """Fat-tailed draws of mean zero and variance one."""
    drawn = bits(key, 2 * start, 2 * count).reshape(count, 2)
    scale = _TAIL[(drawn[:, 1] >> np.uint64(58)).astype(np.int64)]
    tailed: Floats = normals(drawn[:, 0]) * scale
    return tailed
