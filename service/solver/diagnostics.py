"""What each row says of its fit: how much is left of it in units of what is expected there, and what it does to the fit.

Sources: Belsley, Kuh and Welsch, Regression Diagnostics (1980), section 2.1; Cook and Weisberg, Residuals and Influence in
Regression (1982), sections 2.2 and 3.1. Names and divisors are those of R's influence.measures and of broom's augment.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from service.solver.double_double import Floats
from service.solver.evaluation import Evaluation, predictions
from service.solver.influence import NOTHING_FREE, freedoms
from service.solver.leverage import Spread, whitened
from service.solver.reading import Numbers
from service.solver.residuals import residuals
from service.solver.term_values import Plan

# What a row leaves of the squares of all, below which nobody can tell whether the other rows are fitted exactly.
_NOTHING_LEFT = 1e-12

NO_FREEDOM = "row {} has a leverage of 1: its fitted value is its own target, whatever that is"
OTHERS_EXACT = "without row {} the fit is exact to rounding: there is nothing to compare its residual with"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Fit:
    """What rows are held against."""

    evaluation: Evaluation
    numbers: Numbers
    plan: Plan | None  # None: the bases are the terms
    spread: Spread | None  # None: there are no leverages, as of penalised coefficients
    sigma: float | None
    df_resid: int
    rank: int
    is_exact: bool  # residuals are 0, and not the rounding of coefficients
    is_repeated: bool  # weights say how often a row was seen, and not what it counts


@dataclass(frozen=True, slots=True, eq=False)
class RowDiagnostics:
    """Of rows, (m,) each; NaN where a figure does not exist."""

    observed: Floats
    fitted: Floats
    residual: Floats
    leverage: Floats  # w x' (X'WX)^-1 x
    std_residual: Floats  # root of w times residual / (sigma root of (1 - leverage)); R's rstandard
    studentized_residual: Floats  # the same with the sigma of a fit without the row; R's rstudent
    cooks_distance: Floats
    free: Floats  # 1 - leverage, to 13 digits even near 0; 0 where that is below the last digit of 1
    coordinates: Floats | None  # (m, c) whitened, the intercept's first


def row_diagnostics(fit: Fit, X: Floats, y: Floats, weights: Floats | None) -> RowDiagnostics:
    """Of rows of base columns X (m, b), targets and weights above 0, (m,).

    A row that stands for several is one of them: its weight is 1, and the others are still there without it.
    """
    e = np.zeros(len(y)) if fit.is_exact else residuals(fit.evaluation, X, y, fit.numbers, fit.plan)
    fitted = predictions(fit.evaluation, X, fit.numbers, fit.plan)
    w = None if fit.is_repeated else weights
    nothing = np.full(len(y), math.nan)
    if fit.spread is None:
        return RowDiagnostics(y, fitted, e, nothing, nothing, nothing, nothing, nothing, None)
    z = whitened(fit.spread, X, fit.numbers)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        free = freedoms(z, w)
        free = np.where(free <= NOTHING_FREE, 0.0, free)
        h = (z[0] ** 2).sum(axis=1) * (1.0 if w is None else w)
        h = np.where(free == 0, 1.0, h)
        if not fit.sigma:
            return RowDiagnostics(y, fitted, e, h, nothing, nothing, nothing, free, z[0])
        own = np.where(free == 0, math.nan, np.sqrt(free))
        std = e / fit.sigma / own if w is None else e / fit.sigma * np.sqrt(w) / own
        left = fit.df_resid - std**2
        left = np.where(left <= _NOTHING_LEFT * fit.df_resid, math.nan, left)
        student = std * np.sqrt((fit.df_resid - 1) / left) if fit.df_resid > 1 else nothing
        cooks = std**2 * h / (own**2 * fit.rank)
    return RowDiagnostics(y, fitted, e, h, std, student, cooks, free, z[0])
