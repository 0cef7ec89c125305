"""Predictions as right as the coefficients: coef . x cancels, so it is summed in twice the digits and rounded once."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from service.solver.double_double import SPLITTER, Floats, split, two_product, two_sum
from service.solver.reading import Numbers
from service.solver.term_values import Plan, as_column, term_values

# Numbers in twice the digits to multiply by: hi, lo, and the halves of hi.
Factors = tuple[Floats, Floats, tuple[Floats, Floats]]
Factor = tuple[float, float, float, float]  # the same of one: hi, lo, and the halves of hi

# Elements at a time: calls of numpy cost more than caches save. 100,000 x 20 took 54 ms by 2,048, 23 by 8,192, 18 by 32,768,
# 13 by these, 12 by twice as many.
BLOCK_CELLS = 1 << 17
# Coefficients above this are scaled down by 2**-128 first, that splitting them does not overflow.
LARGE = 2.0**896
_ZERO = np.zeros(1)


@dataclass(frozen=True, eq=False)
class Weights:
    """The coefficients as arrays, times 2**-scale."""

    scale: int
    coef: Factors  # (p, 1) each
    intercept: Floats  # (1,)
    intercept_rest: Floats  # (1,)

    @cached_property
    def of_a_row(self) -> tuple[list[Factor], float, float, float]:
        """The same one by one: the coefficients, the intercept and its rest, and what undoes the scale."""
        hi, lo, (high, low) = self.coef
        each = zip(*(part[:, 0].tolist() for part in (hi, lo, high, low)), strict=True)
        return list(each), self.intercept.item(), self.intercept_rest.item(), 2.0**self.scale


@dataclass(frozen=True)
class Evaluation:
    """Each exact coefficient as the unevaluated sum hi + lo of two doubles, (1 + p,), the intercept's first.

    With a centre they are those of the terms of x - centre, x being the base columns: the same polynomial.
    """

    hi: tuple[float, ...]
    lo: tuple[float, ...]
    centre: tuple[float, ...] = ()  # (b,)

    @cached_property
    def weights(self) -> Weights:
        """What predictions multiply by: made once a model, since it takes as long as the prediction of a row."""
        scale = 128 if max(map(abs, self.hi)) > LARGE else 0
        hi, lo = (np.ldexp(np.array(part), -scale)[:, None] for part in (self.hi, self.lo))
        return Weights(scale, (hi[1:], lo[1:], split(hi[1:])), hi[0], lo[0])

    @cached_property
    def centre_column(self) -> Floats | None:
        """(b, 1), or None for 0."""
        return as_column(self.centre)


def predictions(evaluation: Evaluation, X: Floats, numbers: Numbers, plan: Plan | None = None) -> Floats:
    """Predict each row of base columns, X (m, b) -> (m,), to 1 ulp even where terms 1e14 times the result cancel.

    Without a plan of the terms they are the columns. With "decimal" each value of X is the shortest decimal that reads as it;
    one of more than 15 digits is the double it is. Values are finite, of magnitudes up to 1e150; a row with a term, or a
    term times its coefficient, that exceeds a double comes out infinite.
    """
    weights, centre = evaluation.weights, evaluation.centre_column
    results = np.empty(len(X))
    with np.errstate(over="ignore", invalid="ignore"):
        for rows in blocks(len(X), X.shape[1] if plan is None else plan.n_columns):
            total, rest = dot(term_values(X[rows], numbers, plan, centre), weights.coef, weights.intercept)
            results[rows] = total + (rest + weights.intercept_rest)
        if weights.scale:
            results = np.ldexp(results, weights.scale)
    results[~np.isfinite(results)] = math.inf
    return results


def prediction(evaluation: Evaluation, row: Sequence[float]) -> float:
    """The same of one row of columns that are the terms, as doubles; beyond a double it is infinite or NaN.

    It is what `dot` does, operation by operation, in local variables: the calls of numpy take 60 µs for ten columns,
    calls of `two_product` and `two_sum` 17, and this 5.
    """
    factors, intercept, intercept_rest, unit = evaluation.weights.of_a_row
    products, errors = [], []
    for value, (coef, coef_rest, coef_high, coef_low) in zip(row, factors, strict=True):
        product = value * coef
        scaled = value * SPLITTER
        high = scaled - (scaled - value)
        low = value - high
        products.append(product)
        errors.append(high * coef_high - product + high * coef_low + low * coef_high + low * coef_low + value * coef_rest)
    left = len(row)
    while left > 1:
        kept = j = (left + 1) // 2
        for i in range(left - kept):
            first, second = products[i], products[j]
            products[i] = total = first + second
            part = total - first
            errors[i] = errors[i] + errors[j] + ((first - (total - part)) + (second - part))
            j += 1
        left = kept
    total, error = two_sum(products[0], intercept)
    return (total + (errors[0] + error + intercept_rest)) * unit


def blocks(n_rows: int, n_columns: int) -> Iterator[slice]:
    """Cut rows so that the temporaries of one piece stay in the cache."""
    step = max(1, BLOCK_CELLS // max(1, n_columns))
    return (slice(start, start + step) for start in range(0, n_rows, step))


def dot(values: tuple[Floats, Floats | None], factors: Factors, start: Floats = _ZERO) -> tuple[Floats, Floats]:
    """The unevaluated sum of `start` and each of p values, (p, m), times its factor, (p, 1): two of (m,).

    Values (p, m, 1) with factors (p, 1, k) are k sums for each row, (m, k).
    """
    (columns, rests), (coef, coef_rests, halves) = values, factors
    products, errors = two_product(columns, coef, halves)
    errors += columns * coef_rests
    if rests is not None:
        errors += rests * coef
    left = len(products)
    if not left:
        return np.full(errors.shape[1:], start), np.zeros(errors.shape[1:])
    while left > 1:  # pairs of pairs, in as many steps as the number of terms has bits
        kept = (left + 1) // 2
        first, second = slice(left - kept), slice(kept, left)
        products[first], error = two_sum(products[first], products[second])
        errors[first] += errors[second]
        errors[first] += error
        left = kept
    total, error = two_sum(products[0], start)
    return total, errors[0] + error
