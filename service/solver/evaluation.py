"""Predictions as right as the coefficients: coef . x cancels, so it is summed in twice the digits and rounded once."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from service.solver.double_double import Floats, Value, split, two_product, two_sum
from service.solver.reading import Numbers
from service.solver.term_values import Plan, term_values

# Numbers in twice the digits to multiply by: hi, lo, and the halves of hi.
Factors = tuple[Floats, Floats, tuple[Floats, Floats]]
Factor = tuple[float, float, tuple[float, float]]

# Elements at a time: calls of numpy cost more than caches save. 100,000 x 20 took 54 ms by 2,048, 23 by 8,192, 18 by these,
# 17 by twice as many.
_BLOCK = 32768
# Coefficients above this are scaled down by 2**-128 first, that splitting them does not overflow.
_LARGE = 2.0**896
_ZERO = np.zeros(1)


@dataclass(frozen=True, eq=False)
class Weights:
    """The coefficients as arrays, times 2**-scale."""

    scale: int
    coef: Factors  # (p, 1) each
    intercept: Floats  # (1,)
    intercept_rest: Floats  # (1,)

    @cached_property
    def each(self) -> list[Factor]:
        """The coefficients, one by one."""
        hi, lo, halves = self.coef
        columns = (part[:, 0].tolist() for part in (hi, lo, *halves))
        return [(coef, rest, (high, low)) for coef, rest, high, low in zip(*columns, strict=True)]


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
        scale = 128 if max(map(abs, self.hi)) > _LARGE else 0
        hi, lo = (np.ldexp(np.array(part), -scale)[:, None] for part in (self.hi, self.lo))
        return Weights(scale, (hi[1:], lo[1:], split(hi[1:])), hi[0], lo[0])

    @cached_property
    def centre_column(self) -> Floats | None:
        """(b, 1), or None for 0."""
        return np.array(self.centre)[:, None] if self.centre else None


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
    """The same of one row of columns that are the terms, as doubles: without numpy, whose calls take longer than the sums.

    Beyond a double it is infinite or NaN.
    """
    weights = evaluation.weights
    made = [_times(value, None, *factor) for value, factor in zip(row, weights.each, strict=True)]
    products, errors = [product for product, _ in made], [error for _, error in made]
    total, rest = _sum(products, errors, _one_by_one, weights.intercept.item())
    value: float = total + (rest + weights.intercept_rest.item())
    return value * 2.0**weights.scale


def blocks(n_rows: int, n_columns: int) -> Iterator[slice]:
    """Cut rows so that the temporaries of one piece stay in the cache."""
    step = max(1, _BLOCK // max(1, n_columns))
    return (slice(start, start + step) for start in range(0, n_rows, step))


def dot(values: tuple[Floats, Floats | None], factors: Factors, start: Floats = _ZERO) -> tuple[Floats, Floats]:
    """The unevaluated sum of `start` and each of p values, (p, m), times its factor, (p, 1): two of (m,).

    Values (p, m, 1) with factors (p, 1, k) are k sums for each row, (m, k).
    """
    (columns, rests), (coef, coef_rests, halves) = values, factors
    products, errors = _times(columns, rests, coef, coef_rests, halves)
    if not len(products):
        return np.full(errors.shape[1:], start), np.zeros(errors.shape[1:])
    return _sum(products, errors, _at_once, start)


def _times(
    value: Value, rest: Value | None, coef: Value, coef_rest: Value, halves: tuple[Value, Value]
) -> tuple[Value, Value]:
    product, error = two_product(value, coef, halves)
    error += value * coef_rest
    if rest is not None:
        error += rest * coef
    return product, error


def _at_once(kept: int, left: int) -> Iterable[tuple[slice, slice]]:
    return ((slice(left - kept), slice(kept, left)),)


def _one_by_one(kept: int, left: int) -> Iterable[tuple[int, int]]:
    return zip(range(left - kept), range(kept, left), strict=True)


def _sum(products: Any, errors: Any, pairs: Callable[[int, int], Iterable[tuple[Any, Any]]], start: Any) -> tuple[Any, Any]:
    """Pairs of pairs: arrays in as many steps as the number of terms has bits, and one row in the same order as many."""
    left = len(products)
    while left > 1:
        kept = (left + 1) // 2
        for first, second in pairs(kept, left):
            products[first], error = two_sum(products[first], products[second])
            errors[first] += errors[second]
            errors[first] += error
        left = kept
    total, error = two_sum(products[0], start)
    return total, errors[0] + error
