"""What a model leaves of each target: summed with the terms in twice the digits, since y less a rounded prediction cancels."""

from __future__ import annotations

import math

import numpy as np

from service.solver.double_double import Floats, split
from service.solver.evaluation import LARGE, Evaluation, blocks, dot
from service.solver.reading import Numbers
from service.solver.term_values import Plan, term_values


def residuals(evaluation: Evaluation, X: Floats, y: Floats, numbers: Numbers, plan: Plan | None = None) -> Floats:
    """Targets less fitted values, of rows of base columns X (m, b) and targets y (m,): (m,), to 1 ulp or so however little is left of y.

    Without a plan of the terms they are the columns. With "decimal" each value of X and y is the shortest decimal that reads
    as it. Where a fit is exact (sigma 0) what is left is the rounding of its coefficients: that those are 0 is for the caller
    to know. Infinite where it, or a part of it, exceeds a double.
    """
    scale = 128 if max(map(abs, evaluation.hi)) > LARGE else 0
    # The coefficients, and -1 of the target, in one array: for 50 rows of a column numpy's calls are all of the time.
    hi, lo = np.array((*evaluation.hi, -1.0)), np.array((*evaluation.lo, 0.0))
    if scale:
        hi, lo = np.ldexp(hi, -scale), np.ldexp(lo, -scale)
    factors = hi[1:, None], lo[1:, None], split(hi[1:, None])
    n_terms, results = len(hi) - 2, np.empty(len(X))
    with np.errstate(over="ignore", invalid="ignore"):
        for rows in blocks(len(X), 1 + (X.shape[1] if plan is None else plan.n_columns)):
            values, rests = _values(evaluation, X[rows], y[rows], numbers, plan, n_terms)
            total, error = dot((values, rests), factors, hi[:1])
            results[rows] = total + (error + lo[0])
        results = np.ldexp(-results, scale) if scale else -results
    results[~np.isfinite(results)] = math.inf
    return results + 0.0  # of -0.0 and 0.0 one


def _values(
    evaluation: Evaluation, X: Floats, y: Floats, numbers: Numbers, plan: Plan | None, n_terms: int
) -> tuple[Floats, Floats | None]:
    """The terms of rows and last their targets, hi and lo, (p + 1, m); lo is None where it is 0."""
    values = np.empty((n_terms + 1, len(X)))
    if numbers == "float64" and plan is None and not evaluation.centre:
        values[:-1], values[-1] = X.T, y
        return values, None
    rests = np.zeros_like(values)
    for part, columns, made_by, centre in (
        (slice(n_terms), X, plan, evaluation.centre_column),
        (slice(n_terms, None), y[:, None], None, None),
    ):
        values[part], rest = term_values(columns, numbers, made_by, centre)
        if rest is not None:
            rests[part] = rest
    return values, rests
