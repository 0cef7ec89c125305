"""By how much what the other terms know of a term inflates the variance of its coefficient.

Source: Belsley, Kuh and Welsch, Regression Diagnostics (1980), section 3.1; Marquardt, Technometrics 12 (1970), for the name.
"""

from __future__ import annotations

from collections.abc import Sequence

from service.solver.centred import centred
from service.solver.influence import influence
from service.solver.moments import Moments
from service.solver.rounding import quotient
from service.solver.terms import Terms


def variance_inflation(
    moments: Moments, target: str, features: Sequence[str], fit_intercept: bool, terms: Terms | None = None
) -> list[float]:
    """(p,), at least 1: 1 / (1 - R²) of each term's regression on the others, by weight; about 0 without an intercept.

    It is the sum of squares of the term times its entry of (X'WX)^-1, which is a sum of squares too: nothing cancels, and
    it is right to 15 digits. Args, Raises: as `spread`.
    """
    names = tuple(features)
    back = influence(moments, target, names, fit_intercept, terms).back[0]
    equation = centred(moments.select((*names, target)), fit_intercept)
    found = []
    for j, (row, unit) in enumerate(zip(back[len(back) - len(names) :], equation.units, strict=True)):
        square = equation.gram[j, j] * unit**2 * equation.weight_unit / equation.scale
        found.append(max(1.0, quotient(int(square.p), int(square.q)) * float((row * row).sum())))
    return found
