"""What a model leaves of each target: summed with the terms in twice the digits, since y less a rounded prediction cancels."""

from __future__ import annotations

import math

import numpy as np

from service.solver.double_double import Floats, split
from service.solver.evaluation import Evaluation, blocks, dot
from service.solver.reading import Numbers
from service.solver.term_values import Plan, term_values


def residuals(evaluation: Evaluation, X: Floats, y: Floats, numbers: Numbers, plan: Plan | None = None) -> Floats:
    """Targets less fitted values, of rows of base columns X (m, b) and targets y (m,): (m,), to 1 ulp or so however little is left of y.

    Without a plan of the terms they are the columns. With "decimal" each value of X and y is the shortest decimal that reads
    as it. Where a fit is exact (sigma 0) what is left is the rounding of its coefficients: that those are 0 is for the caller
    to know. Infinite where it, or a part of it, exceeds a double.
    """
    weights, centre = evaluation.weights, evaluation.centre_column
    factors = [
        np.append(part, [[last]], axis=0) for part, last in zip(_parts(evaluation), _minus_one(weights.scale), strict=True)
    ]
    coef = (factors[0], factors[1], (factors[2], factors[3]))
    results = np.empty(len(X))
    with np.errstate(over="ignore", invalid="ignore"):
        for rows in blocks(len(X), 1 + (X.shape[1] if plan is None else plan.n_columns)):
            target, target_rest = term_values(y[rows, None], numbers, None)
            values, rest = term_values(X[rows], numbers, plan, centre)
            values = np.append(values, target, axis=0)
            if rest is not None or target_rest is not None:
                of_terms = np.zeros((len(values) - 1, values.shape[1])) if rest is None else rest
                rest = np.append(of_terms, np.zeros_like(target) if target_rest is None else target_rest, axis=0)
            total, error = dot((values, rest), coef, weights.intercept)
            results[rows] = -(total + (error + weights.intercept_rest))
        if weights.scale:
            results = np.ldexp(results, weights.scale)
    results[~np.isfinite(results)] = math.inf
    return results + 0.0  # of -0.0 and 0.0 one


def _parts(evaluation: Evaluation) -> tuple[Floats, Floats, Floats, Floats]:
    hi, lo, (high, low) = evaluation.weights.coef
    return hi, lo, high, low


def _minus_one(scale: int) -> tuple[float, float, float, float]:
    """What the target is multiplied by, as a factor of `dot`: hi, lo, and the halves of hi."""
    value = np.ldexp(-1.0, -scale)
    high, low = split(np.array(value))
    return float(value), 0.0, float(high), float(low)
