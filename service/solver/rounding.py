"""From exact rationals, or balls that hold them, to the nearest doubles, ties to even; a ball may leave it undecided.

A figure that rounds past the largest double is infinite here: what that means is the caller's to say. Zero is never
negative. All that is answered depends on the exact value alone, not on the ball or its precision.
"""

from __future__ import annotations

import math

from flint import arb, fmpq

# Below this part of a figure its remainder is taken as 0, so that a ball around a double can decide it.
_NEGLIGIBLE = 2.0**-107

TOO_LARGE = "larger than the largest double"


def nearest(value: arb | fmpq) -> float | None:
    """Round to the nearest double; None if the ends of the ball round differently."""
    if isinstance(value, fmpq):
        return double(value)
    lower, upper = float(value.lower()), float(value.upper())
    return lower + 0.0 if lower == upper else None


def double(value: fmpq) -> float:
    """Round to the nearest double: of a rational it is never undecided."""
    return quotient(int(value.p), int(value.q))


def nearest_root(square: arb | fmpq) -> float | None:
    """Round the square root of `square` to the nearest double; None if undecided."""
    if isinstance(square, fmpq):
        return _root(int(square.p), int(square.q))
    return nearest(square.sqrt())


def nearest_pair(value: arb | fmpq) -> tuple[float, float] | None:
    """(hi, lo): the double nearest to `value` and that nearest to value - hi, or 0 below 2**-107 * hi; None if undecided."""
    hi = nearest(value)
    if hi is None or math.isinf(hi):
        return None if hi is None else (hi, 0.0)
    negligible = abs(hi) * _NEGLIGIBLE
    if isinstance(value, fmpq):
        numerator, denominator = hi.as_integer_ratio()
        p, q = int(value.p), int(value.q)
        lower = upper = quotient(p * denominator - numerator * q, q * denominator)
    else:
        rest = value - hi
        lower, upper = float(rest.lower()), float(rest.upper())
    if -negligible <= lower and upper <= negligible:
        return hi, 0.0
    return (hi, lower + 0.0) if lower == upper else None


def quotient(p: int, q: int) -> float:
    """Divide: Python rounds the true division of two integers correctly, subnormals too."""
    try:
        return p / q + 0.0
    except OverflowError:
        return math.inf if p > 0 else -math.inf


def finite(value: float | None) -> float | None:
    """None for what no double holds."""
    return None if value is None or not math.isfinite(value) else value


def _root(p: int, q: int) -> float:
    """sqrt(p / q): 64 bits of the root, and a sticky last bit that tells a midpoint from what lies just above it."""
    if p == 0:
        return 0.0
    places = 64 - (p.bit_length() - q.bit_length()) // 2
    if places >= 0:
        square, rest = divmod(p << 2 * places, q)
    else:
        square, rest = divmod(p, q << -2 * places)
    root = math.isqrt(square)
    sticky = 2 * root + (rest != 0 or root * root != square)
    return quotient(sticky, 2 << places) if places >= 0 else quotient(sticky << -places, 2)
