"""By how much what the other terms know of a term inflates the variance of its coefficient.

Source: Belsley, Kuh and Welsch, Regression Diagnostics (1980), section 3.1; Marquardt, Technometrics 12 (1970), for the name.
"""

from __future__ import annotations

from collections.abc import Sequence

from service.solver.centred import centred
from service.solver.correlation import Inverted
from service.solver.moments import Moments


def variance_inflation(moments: Moments, target: str, features: Sequence[str], fit_intercept: bool) -> list[float] | None:
    """(p,), at least 1: 1 / (1 - R²) of each term's regression on the others, by weight; about 0 without an intercept.

    The nearest doubles; None if terms are exactly dependent, as those of a penalised fit may be. Raises: UnknownColumn.
    """
    equation = centred(moments.select((*features, target)), fit_intercept)
    if not equation.n_features:
        return []
    inverted = Inverted.of(equation)
    return None if inverted is None else inverted.inflation
