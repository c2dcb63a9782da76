"""Ed25519 signatures, verified with nothing but Python. Part of every bundle's `verify.py`."""

import hashlib

# Ed25519 as in RFC 8032, section 5.1, for verifying alone: nothing here is secret.
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)

Point = tuple[int, int, int, int]


class Bad(ValueError):
    """Something that proves nothing."""


def recover_x(y: int, sign: int) -> int:
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P:
        x = x * ROOT % P
    if y >= P or (x * x - x2) % P or (x == 0 and sign):
        raise Bad("a point is not on the curve")
    return P - x if x & 1 != sign else x


def point(data: bytes) -> Point:
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    x = recover_x(y, sign)
    return (x, y, 1, x * y % P)


def add(a: Point, b: Point) -> Point:
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    i, j, k, m = f - e, h - g, h + g, f + e
    return (i * j % P, k * m % P, j * k % P, i * m % P)


def times(number: int, of: Point) -> Point:
    found = (0, 1, 1, 0)
    while number:
        if number & 1:
            found = add(found, of)
        of, number = add(of, of), number >> 1
    return found


def same(a: Point, b: Point) -> bool:
    return not ((a[0] * b[2] - b[0] * a[2]) % P or (a[1] * b[2] - b[1] * a[2]) % P)


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE = (recover_x(BASE_Y, 0), BASE_Y, 1, recover_x(BASE_Y, 0) * BASE_Y % P)


def verify_signature(public: bytes, message: bytes, signature: bytes) -> None:
    """Raise `Bad` unless it is the signature of this key."""
    if len(public) != 32 or len(signature) != 64:
        raise Bad("a key or signature of another length")
    s = int.from_bytes(signature[32:], "little")
    if s >= L:
        raise Bad("a signature that could be written otherwise")
    h = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % L
    if not same(times(s, BASE), add(point(signature[:32]), times(h, point(public)))):
        raise Bad("a signature is bad")
