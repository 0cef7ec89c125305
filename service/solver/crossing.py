"""Where two lines cross, with Fieller's set of all x for which that their difference is 0 is not refused.

Those x have (d0 + d1 x)² <= t² var(d0 + d1 x), a quadratic in x: an interval, or all but an interval, or everything. It always
has the crossing in it, if there is one.

Source: Fieller, Some problems in interval estimation, J. R. Statist. Soc. B 16 (1954).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from flint import fmpq, fmpq_poly

from service.solver.inversion import Kind, kind_of
from service.solver.regions import Region, at_most_nothing
from service.solver.rounding import nearest
from service.solver.student import quantile

PARALLEL = "the two slopes are equal: the lines cross nowhere, or everywhere"


@dataclass(frozen=True, slots=True)
class Crossing:
    """Where two lines cross, and the x that are not refused."""

    x: float | None  # None: the lines are parallel
    regions: tuple[Region, ...] | None  # None: without degrees of freedom nobody knows
    kind: Kind | None


def crossing(difference: tuple[fmpq, fmpq], covariance: tuple[fmpq, fmpq, fmpq] | None, df: int, level: float) -> Crossing:
    """Where difference[0] + difference[1] x is 0.

    Args: covariance: the variance of the first, their covariance, the variance of the second; None: there is none. df: of it.
    """
    d0, d1 = difference
    x = None if d1 == 0 else nearest(-d0 / d1)
    x = None if x is None or math.isinf(x) else x
    if covariance is None:
        return Crossing(x, None, None)
    v00, v01, v11 = covariance
    t = fmpq(*quantile(df, level).as_integer_ratio())
    regions = at_most_nothing(fmpq_poly([d0, d1]) ** 2 - fmpq_poly([v00, 2 * v01, v11]) * (t * t))
    return Crossing(x, regions, kind_of(regions))
