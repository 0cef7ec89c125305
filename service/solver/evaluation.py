"""Predictions as right as the coefficients: coef . x cancels, so it is summed in twice the digits and rounded once."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from service.solver.double_double import Floats, split, two_product, two_sum
from service.solver.reading import Numbers
from service.solver.term_values import Plan, term_values
from service.solver.terms import Term

# Numbers in twice the digits to multiply by: hi, lo, and the halves of hi.
Factors = tuple[Floats, Floats, tuple[Floats, Floats]]

# Elements at a time: the dozen temporaries of 8,192 doubles stay in a level-2 cache of 1 MB.
_BLOCK = 8192
# Coefficients above this are scaled down by 2**-128 first, that splitting them does not overflow.
_LARGE = 2.0**896


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Each exact coefficient as the unevaluated sum hi + lo of two doubles, (1 + p,), the intercept's first.

    With a centre they are those of the terms of x - centre, x being the base columns: the same polynomial.
    """

    hi: tuple[float, ...]
    lo: tuple[float, ...]
    centre: tuple[float, ...] = ()  # (b,)


def predictions(evaluation: Evaluation, X: Floats, numbers: Numbers, terms: Sequence[Term] | None = None) -> Floats:
    """Predict each row of base columns, X (m, b) -> (m,), to 1 ulp even where terms 1e14 times the result cancel.

    Without `terms` the columns are the terms. With "decimal" each value of X is the shortest decimal that reads as it;
    one of more than 15 digits is the double it is. Values are finite, of magnitudes up to 1e150; a row with a term, or a
    term times its coefficient, that exceeds a double comes out infinite.
    """
    scale = 128 if max(map(abs, evaluation.hi)) > _LARGE else 0
    hi, lo = (np.ldexp(np.array(part), -scale) for part in (evaluation.hi, evaluation.lo))
    plan = None if terms is None else Plan.of(terms, X.shape[1])
    coef = (hi[1:, None], lo[1:, None], split(hi[1:, None]))
    results = np.empty(len(X))
    with np.errstate(over="ignore", invalid="ignore"):
        for rows in blocks(len(X), X.shape[1] if plan is None else plan.n_columns):
            total, rest = dot(term_values(X[rows], numbers, plan, evaluation.centre), coef, hi[0])
            results[rows] = total + (rest + lo[0])
        if scale:
            results = np.ldexp(results, scale)
    results[~np.isfinite(results)] = math.inf
    return results


def blocks(n_rows: int, n_columns: int) -> Iterator[slice]:
    """Cut rows so that the temporaries of one piece stay in the cache."""
    step = max(1, _BLOCK // max(1, n_columns))
    return (slice(start, start + step) for start in range(0, n_rows, step))


def dot(values: tuple[Floats, Floats | None], factors: Factors, start: float = 0.0) -> tuple[Floats, Floats]:
    """The unevaluated sum of `start` and each of p values, (p, m), times its factor, (p, 1): two of (m,).

    Values (p, m, 1) with factors (p, 1, k) are k sums for each row, (m, k).
    """
    (columns, rests), (coef, coef_rests, halves) = values, factors
    products, errors = two_product(columns, coef, halves)
    errors += columns * coef_rests
    if rests is not None:
        errors += rests * coef
    # Pairs of pairs: as many calls of numpy as the number of terms has bits, and the same order for one row as for many.
    left = len(products)
    while left > 1:
        kept = (left + 1) // 2
        first, second = slice(left - kept), slice(kept, left)
        products[first], error = two_sum(products[first], products[second])
        errors[first] += errors[second]
        errors[first] += error
        left = kept
    if not left:
        return np.full(errors.shape[1:], start), np.zeros(errors.shape[1:])
    total, error = two_sum(products[0], np.array(start))
    return total, errors[0] + error
