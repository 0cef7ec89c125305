"""Where two lines cross, with Fieller's set of all x for which that their difference is 0 is not refused.

Those x have (d0 + d1 x)² <= t² var(d0 + d1 x), a quadratic in x: an interval, or all but an interval, or everything. It always
has the crossing in it, and so is never empty.

Source: Fieller, Some problems in interval estimation, J. R. Statist. Soc. B 16 (1954).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from flint import arb, fmpq

from service.solver.balls import precision
from service.solver.rounding import nearest
from service.solver.student import quantile

Kind = Literal["interval", "outside", "below", "above", "everything"]

PARALLEL = "the two slopes are equal: the lines cross nowhere, or everywhere"
_BITS = 512  # of figures that come from exact rationals


@dataclass(frozen=True, slots=True)
class Crossing:
    """`kind` says which x are not refused: those from lower to upper, those up to lower and from upper on ("outside"), ..."""

    x: float | None  # None: the lines are parallel
    kind: Kind | None  # None: without degrees of freedom nobody knows
    lower: float | None
    upper: float | None


def crossing(difference: tuple[fmpq, fmpq], covariance: tuple[fmpq, fmpq, fmpq] | None, df: int, level: float) -> Crossing:
    """Where difference[0] + difference[1] x is 0.

    Args: covariance: the variance of the first, their covariance, the variance of the second; None: there is none. df: of it.
    """
    d0, d1 = difference
    x = None if d1 == 0 else _finite(nearest(-d0 / d1))
    if covariance is None:
        return Crossing(x, None, None, None)
    v00, v01, v11 = covariance
    t = fmpq(*quantile(df, level).as_integer_ratio())
    a, b, c = d1 * d1 - t * t * v11, d0 * d1 - t * t * v01, d0 * d0 - t * t * v00
    return Crossing(x, *_at_most_nothing(a, b, c))


def _at_most_nothing(a: fmpq, b: fmpq, c: fmpq) -> tuple[Kind, float | None, float | None]:
    """Where a x² + 2 b x + c <= 0, if it is somewhere."""
    square = b * b - a * c
    if a == 0 and b != 0:
        end = _finite(nearest(-c / (2 * b)))
        return ("below", None, end) if b > 0 else ("above", end, None)
    if a == 0 or (a < 0 and square <= 0):
        return "everything", None, None
    with precision(_BITS):
        # Of the two roots the one that does not cancel, and the other from their product.
        far = -(arb(b) + arb(square).sqrt() * (1 if b > 0 else -1))
        ends = sorted(float(root.mid()) for root in ((far / a, c / far) if b != 0 or square != 0 else (arb(0), arb(0))))
    return ("interval" if a > 0 else "outside"), _finite(ends[0]), _finite(ends[1])


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
