"""A solution of the normal equation, in balls that hold the exact one or in rationals, and the figures that follow from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Generic, NamedTuple, TypeAlias, TypeVar

from flint import arb, arb_mat, fmpq, fmpq_mat

from service.solver.centre import Expansion
from service.solver.centred import Centred
from service.solver.glance import Counts, glance
from service.solver.rounding import nearest, nearest_pair, nearest_root

Number = TypeVar("Number", arb, fmpq)
Figure: TypeAlias = float | tuple[float, ...]
Question: TypeAlias = tuple[Callable[[Number], Figure | None], Callable[[], Number]]


class Solution(NamedTuple, Generic[Number]):
    """What the figures of a fit need, in the equation's integers, each worked out when it is asked for."""

    beta: Callable[[int], Number]  # the coefficient of column i
    explained: Callable[[], Number]  # the target's square less that of the residuals
    shift: Callable[[], Number]  # the sums of the columns times the coefficients: what the intercept makes up for
    variance: Callable[[int], Number]  # of coefficient i, for residuals of variance 1
    spread: Callable[[], Number]  # the variance of the shift


def in_balls(equation: Centred, inverse: arb_mat) -> Solution[arb]:
    """The least-squares solution from balls that hold the inverse of the Gram matrix, at the precision in force."""
    solution = inverse * equation.right
    form = equation.right.transpose() * solution
    return Solution(
        beta=lambda i: solution[i, 0],
        explained=lambda: form[0, 0],
        shift=lambda: form[1, 0],
        variance=lambda i: inverse[i, i],
        spread=lambda: form[1, 1],
    )


def in_rationals(equation: Centred) -> Solution[fmpq]:
    """The exact least-squares solution; without an inverse, which would have p**2 of p times as many digits."""
    p = equation.n_features
    gram = fmpq_mat(equation.gram)
    solution = gram.solve(fmpq_mat(equation.right))
    form = fmpq_mat(equation.right.transpose()) * solution
    return Solution(
        beta=lambda i: solution[i, 0],
        explained=lambda: form[0, 0],
        shift=lambda: form[1, 0],
        variance=lambda i: gram.solve(fmpq_mat(p, 1, [int(i == j) for j in range(p)]))[i, 0],
        spread=lambda: form[1, 1],
    )


def questions(
    equation: Centred,
    solution: Solution[Number],
    df: int | None,
    about: Expansion | None = None,
    scales: Sequence[int] = (),
) -> list[Question[Number]]:
    """Every figure that exists, as its rounding and its exact value: theta, mse, rmse, r2, those of `glance`, sigma, standard errors,
    with scales, (p,), the coefficients times these and their standard errors, and the coefficients of the expansion, if one is
    given.

    `df` degrees of freedom are left for the residuals; 0: there are none, nor residuals; None: they tell nothing of sigma.
    """
    total, unit, weight, p = equation.total, equation.target_unit, equation.weight_unit, equation.n_features
    fit_intercept = equation.fit_intercept
    explained = solution.explained()
    # In units of weight; those cancel in all figures but sigma.
    rss = (equation.target_square - explained) * (unit * unit) / equation.scale if df != 0 else 0 * explained
    mse = rss / total

    def intercept() -> Number:
        return (equation.target_sum - solution.shift()) * unit / total

    def coefficient(i: int) -> Number:
        return solution.beta(i) * (unit / equation.units[i])

    def r2() -> Number:
        return explained / equation.target_square if df != 0 else 0 * explained + 1

    def variance(i: int) -> Number:
        if df is None or rss == 0:
            return rss
        if i < 0:
            return rss * (1 + solution.spread()) / (df * total)
        return rss * solution.variance(i) * equation.scale / (df * equation.units[i] * equation.units[i])

    asked: list[Question[Number]] = [(nearest_pair, intercept)] if fit_intercept else []
    asked += [(nearest_pair, partial(coefficient, i)) for i in range(p)]
    asked += [(nearest, lambda: mse), (nearest_root, lambda: mse)]
    if equation.target_square != 0:
        asked.append((nearest, r2))
    asked += glance(counts_of(equation, df), explained, equation.target_square, lambda: rss * weight / equation.n_samples)
    if df:
        asked.append((nearest_root, lambda: rss * weight / df))
        asked += [(nearest_root, partial(variance, i)) for i in range(-fit_intercept, p)]
    asked += [(nearest, partial(_times, partial(coefficient, i), scale)) for i, scale in enumerate(scales)]
    if df:
        asked += [(nearest_root, partial(_times, partial(variance, i), scale * scale)) for i, scale in enumerate(scales)]
    if about is not None:
        asked += _expanded(about, intercept if fit_intercept else lambda: 0 * explained, coefficient)
    return asked


def counts_of(equation: Centred, df: int | None) -> Counts:
    """What figures of the fit as a whole divide by, with so many degrees of freedom left."""
    return Counts(equation.n_samples, df, equation.fit_intercept, equation.target_square != 0)


def _times(value: Callable[[], Number], scale: int) -> Number:
    return value() * scale


def _expanded(
    about: Expansion, intercept: Callable[[], Number], coefficient: Callable[[int], Number]
) -> list[Question[Number]]:
    """The coefficients of the powers of x - centre: sums of those of x, times the weights that the expansion has."""
    parts: list[list[tuple[int, fmpq]]] = [[] for _ in about.sizes]
    for i, row in enumerate(about.rows):
        for m, weight in row.items():
            parts[m].append((i, weight))
    known, constant = cache(coefficient), cache(intercept)

    def summed(m: int) -> Number:
        return sum((known(i) * weight for i, weight in parts[m]), 0 * constant() if m else constant())

    return [(partial(_pair_or_nothing, about.nothing(m)), partial(summed, m)) for m in range(len(parts))]


def _pair_or_nothing(nothing: fmpq, value: arb | fmpq) -> tuple[float, float] | None:
    is_nothing = abs(value) <= nothing if isinstance(value, fmpq) else abs(value) <= arb(nothing)
    return (0.0, 0.0) if is_nothing else nearest_pair(value)
