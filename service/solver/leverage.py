"""How far a row lies from the rows of a fit, its leverage, and the intervals of its prediction that follow from it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from flint import arb, fmpq

from service.solver.balls import precision
from service.solver.centred import Centred, centred
from service.solver.double_double import Floats, split, two_sum
from service.solver.errors import NoFeatures, TooFewRows
from service.solver.evaluation import blocks, dot
from service.solver.inverse_factor import inverse_factor
from service.solver.least_squares import least_squares
from service.solver.moments import Moments
from service.solver.reading import Numbers
from service.solver.rounding import nearest, nearest_pair
from service.solver.student import quantile
from service.solver.term_values import Plan, term_values
from service.solver.terms import Term

Pair = tuple[float, float]

_FIRST_BITS = 192
# Below this part of its column's share an entry is 0: nothing else can decide that of balls around it.
_NOTHING_BITS = 130
# A ball of so many bits that rounds to two pairs holds the midpoint of them, and either will do.
_ENOUGH_BITS = 160


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """What leverages are made of: h = constant + |factor (x - mean)|^2, the parts of both in twice the digits."""

    fit_intercept: bool
    constant: float  # 1 / sum of weights, or 0 without an intercept
    mean: Floats  # (2, p) hi and lo; 0 without an intercept
    factor: Floats  # (2, p, p) hi and lo of the inverse Cholesky factor of the (centred) cross products, lower triangular


def spread(moments: Moments, target: str, features: Sequence[str], fit_intercept: bool) -> Spread:
    """What the leverages of a fit are made of, each part exact before it was rounded to hi + lo.

    Raises: UnknownColumn; NoFeatures; TooFewRows; RankDeficient: as `least_squares`, but for what depends to rounding only.
    """
    names = tuple(features)
    n_coef = len(names) + fit_intercept
    if n_coef == 0:
        raise NoFeatures
    chosen = moments.select((*names, target))
    plain = centred(chosen, fit_intercept)
    if plain.n_samples < n_coef:
        raise TooFewRows(plain.n_samples, n_coef)
    if plain.gram.rank() < len(names):
        least_squares(chosen, target, names, fit_intercept, rank_deficient="allow")  # says how
        raise ArithmeticError("a fit of full rank has a singular equation")
    equation, p = plain.balanced(), len(names)
    sums = [equation.right[j, 1] if fit_intercept else 0 for j in range(p)]
    means = [_pair(unit * total / equation.total) for unit, total in zip(equation.units, sums, strict=True)]
    factor = np.zeros((2, p, p))
    for i, row in enumerate(_factor(equation)):
        factor[:, i, : i + 1] = np.array(row).T
    return Spread(
        fit_intercept=fit_intercept,
        constant=nearest(1 / (equation.total * equation.weight_unit)) or 0.0 if fit_intercept else 0.0,
        mean=np.array(means).reshape(p, 2).T.copy(),
        factor=factor,
    )


def _factor(equation: Centred) -> list[list[Pair]]:
    """The inverse Cholesky factor in the units of the columns, at the least precision that decides every entry."""
    bits = _FIRST_BITS
    while True:
        with precision(bits):
            try:
                rows = inverse_factor([[arb(entry) for entry in row] for row in equation.gram.tolist()])
            except ZeroDivisionError:
                rows = []
            if (rounded := _rounded(equation, rows)) is not None:
                return rounded
        bits *= 2


def _rounded(equation: Centred, rows: list[list[arb]]) -> list[list[Pair]] | None:
    if len(rows) < equation.n_features:
        return None
    whole = arb(equation.scale / equation.weight_unit).sqrt()
    factors = [whole / arb(unit) for unit in equation.units]
    nothing = [arb(2) ** -_NOTHING_BITS / arb(equation.gram[j, j]).sqrt() for j in range(len(rows))]
    rounded: list[list[Pair]] = []
    for row in rows:
        pairs = []
        for entry, factor, least in zip(row, factors, nothing, strict=False):
            pair = (0.0, 0.0) if abs(entry) < least else nearest_pair(entry * factor)
            if pair is None and entry.rel_accuracy_bits() > _ENOUGH_BITS:
                pair = nearest_pair((entry * factor).mid())
            if pair is None:
                return None
            pairs.append(pair)
        rounded.append(pairs)
    return rounded


def _pair(value: fmpq) -> Pair:
    pair = nearest_pair(value)
    return (0.0, 0.0) if pair is None else pair  # of a rational it is never None


def leverages(spread: Spread, X: Floats, numbers: Numbers, terms: Sequence[Term] | None = None) -> Floats:
    """Each row's x' (X' W X)^-1 x, of base columns (m, b) -> (m,), the intercept's part included, right to 13 digits.

    Without `terms` the columns are the terms, which are those that the spread was made for. Infinite beyond a double.
    """
    p = spread.factor.shape[1]
    plan = None if terms is None else Plan.of(terms, X.shape[1])
    hi, lo = spread.factor.transpose(0, 2, 1)[:, :, None, :].copy()
    factors = (hi, lo, split(hi))
    results = np.empty(len(X))
    with np.errstate(over="ignore", invalid="ignore"):
        for rows in blocks(len(X), max(p * p, 1 if plan is None else plan.n_columns)):
            values = _centred(spread, *term_values(X[rows], numbers, plan))
            total, rest = dot(values, factors)
            results[rows] = spread.constant + ((total + rest) ** 2).sum(axis=1)
    results[~np.isfinite(results)] = math.inf
    return results


def _centred(spread: Spread, hi: Floats, lo: Floats | None) -> tuple[Floats, Floats]:
    """The terms less their means, (p, m, 1)."""
    mean, mean_rest = spread.mean[:, :, None]
    total, rest = two_sum(hi, -mean)
    rest += -mean_rest if lo is None else lo - mean_rest
    value = total + rest
    return value[:, :, None], (rest - (value - total))[:, :, None]


def intervals(
    predictions: Floats,
    leverages: Floats,
    sigma: float,
    df_resid: int,
    level: float,
    kind: Literal["confidence", "prediction"],
) -> tuple[Floats, Floats]:
    """The ends (m,), (m,) between which the mean of y at x, or one more y of weight 1 there, lies at probability `level`."""
    variance = leverages if kind == "confidence" else 1 + leverages
    margin = np.sqrt(variance) * (quantile(df_resid, level) * sigma) if sigma else np.zeros(len(predictions))
    return predictions - margin, predictions + margin
