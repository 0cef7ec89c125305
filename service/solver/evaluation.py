"""Predictions as right as the coefficients: coef . x cancels, so it is summed in twice the digits and rounded once."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from service.solver.decimal_rest import decimal_rest
from service.solver.double_double import Floats, split, two_product, two_sum
from service.solver.reading import Numbers

# Elements at a time: the dozen temporaries of 8,192 doubles stay in a level-2 cache of 1 MB.
_BLOCK = 8192
# Coefficients above this are scaled down by 2**-128 first, that splitting them does not overflow.
_LARGE = 2.0**896


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Each exact coefficient as the unevaluated sum hi + lo of two doubles, (1 + p,), the intercept's first."""

    hi: tuple[float, ...]
    lo: tuple[float, ...]


def predictions(evaluation: Evaluation, X: Floats, numbers: Numbers) -> Floats:
    """Predict each row of X, (m, p) -> (m,), to 1 ulp even where terms 1e14 times the result cancel.

    With "decimal" each value of X is the shortest decimal that reads as it; one of more than 15 digits is the double it
    is. Values are finite, of magnitudes up to 1e150; a row with a term that exceeds a double comes out infinite.
    """
    scale = 128 if max(map(abs, evaluation.hi)) > _LARGE else 0
    hi, lo = (np.ldexp(np.array(part), -scale) for part in (evaluation.hi, evaluation.lo))
    results = np.empty(len(X))
    with np.errstate(over="ignore", invalid="ignore"):
        for rows in _blocks(len(X), X.shape[1]):
            results[rows] = _dot(hi, lo, np.ascontiguousarray(X[rows].T), numbers)
        if scale:
            results = np.ldexp(results, scale)
    results[~np.isfinite(results)] = math.inf
    return results


def _blocks(n_rows: int, n_columns: int) -> Iterator[slice]:
    step = max(1, _BLOCK // max(1, n_columns))
    return (slice(start, start + step) for start in range(0, n_rows, step))


def _dot(hi: Floats, lo: Floats, columns: Floats, numbers: Numbers) -> Floats:
    """The intercept plus coef . x for the rows of `columns`, (p, rows)."""
    coef = hi[1:, None]
    products, errors = two_product(columns, coef, split(coef))
    errors += columns * lo[1:, None]
    if numbers == "decimal":
        errors += decimal_rest(columns) * coef
    total, rest = np.full(columns.shape[1], hi[0]), np.sum(errors, axis=0)
    rest += lo[0]
    for product in products:
        total, error = two_sum(total, product)
        rest += error
    result: Floats = total + rest
    return result
