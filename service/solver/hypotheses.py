"""Linear hypotheses R b = r: the F test of all of them, and a t test of each.

F = (Rb - r)' (R C R')^-1 (Rb - r) / q, with C the covariance of the coefficients b: that of the fit, sigma² (X'X)^-1, or
another that is given. From the moments every statistic is the exact one, correctly rounded.

Source: Greene, Econometric Analysis, 8th ed., eq. 5-16.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from flint import fmpq, fmpq_mat

from service.solver.centred import Centred, centred
from service.solver.combinations import (
    Asked,
    Combinations,
    Values,
    decided,
    over_root,
    square_form,
    values_in_balls,
    values_in_rationals,
)
from service.solver.errors import DependentHypotheses
from service.solver.given_covariance import Given, Robust
from service.solver.inference import EXACT_FIT, Tested, tested
from service.solver.least_squares import NO_DF
from service.solver.moments import Moments
from service.solver.penalty import as_read
from service.solver.reading import Numbers
from service.solver.rounding import TOO_LARGE, finite, nearest, nearest_root
from service.solver.solution import Number
from service.solver.student import quantile, scipy_special, two_sided

SINGULAR = "the covariance of these combinations is singular: there are too few clusters, or residuals, for so many at once"
NO_VARIANCE = "the standard error is 0: there is nothing to test against"


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """The sum of weights times coefficients is `equals`. By place: 0 is the intercept, 1 + i the i-th term."""

    weights: dict[int, float]
    equals: float = 0.0
    scales: dict[int, int] = field(default_factory=dict)  # what coefficients are multiplied by first, if not by 1


@dataclass(frozen=True, slots=True)
class FTest:
    """The test of all hypotheses at once, and each by itself."""

    statistic: float | None
    df_num: int
    df_denom: int
    p_value: float | None
    hypotheses: tuple[Tested, ...]
    reasons: dict[str, str] = field(default_factory=dict)


def f_test(
    moments: Moments,
    fit_intercept: bool,
    hypotheses: Sequence[Hypothesis],
    level: float = 0.95,
    robust: Robust | None = None,
) -> FTest:
    """Test hypotheses on the fit of the moments' last column on the others, which do not depend on each other.

    Raises: DependentHypotheses: one is a combination of those before it, or contradicts them.
    """
    p = len(moments.columns) - 1
    asked = combinations(hypotheses, p, moments.numbers)
    require_independent(asked)
    equation = centred(moments, fit_intercept).balanced()
    df = robust.df if robust is not None else equation.n_samples - p - fit_intercept
    given = None if robust is None else Given.of(robust, moments, fit_intercept, asked)
    known = _figures(equation, asked, df, given)
    q = len(hypotheses)
    if df <= 0:
        reasons = dict.fromkeys(("statistic", "p_value"), NO_DF)
        return FTest(None, q, 0, None, tuple(Tested(finite(one), None, reason=NO_DF) for one in known), reasons)
    reached = [known[i : i + 3] for i in range(0, 3 * q, 3)]
    sure = EXACT_FIT if robust is None else NO_VARIANCE
    each = tuple(_tested(estimate, std_error, t_value, df, level, sure) for estimate, std_error, t_value in reached)
    return of_statistic(known[3 * q], q, df, each, SINGULAR if robust is not None and robust.meat.any() else sure)


def of_statistic(statistic: float, df_num: int, df_denom: int, each: tuple[Tested, ...] = (), why: str = EXACT_FIT) -> FTest:
    """The F test of a statistic; NaN: it does not exist, and `why`."""
    if math.isfinite(statistic):
        return FTest(statistic, df_num, df_denom, upper_tail(df_num, df_denom, statistic), each)
    reason = why if math.isnan(statistic) else TOO_LARGE
    return FTest(None, df_num, df_denom, None, each, dict.fromkeys(("statistic", "p_value"), reason))


def upper_tail(df_num: int, df_denom: int, statistic: float) -> float:
    """The probability of an F of at least this; of one degree of freedom that of Student's t.

    Right to 13 digits up to a million degrees of freedom; 0 below 1e-270. By the share of F in the beta distribution that is
    the further from 1: scipy's fdtrc, which takes one of them always, is right to 10 digits of a million.
    """
    if df_num == 1:
        return two_sided(df_denom, math.sqrt(statistic))
    numerator, special = df_num * statistic, scipy_special()
    total = df_denom + numerator
    if numerator < df_denom:
        return float(special.betaincc(df_num / 2, df_denom / 2, numerator / total))
    return float(special.betainc(df_denom / 2, df_num / 2, df_denom / total))


def combinations(hypotheses: Sequence[Hypothesis], n_terms: int, numbers: Numbers) -> Combinations:
    """The hypotheses in numbers as the fit reads them: 0.1 of decimals is one tenth."""
    rows = []
    for one in hypotheses:
        row = [fmpq(0)] * (1 + n_terms)
        for place, weight in one.weights.items():
            row[place] = as_read(weight, numbers) * one.scales.get(place, 1)
        rows.append(tuple(row))
    return Combinations(tuple(rows), tuple(as_read(one.equals, numbers) for one in hypotheses))


def require_independent(asked: Combinations) -> None:
    """Raises: DependentHypotheses: with the first that depends on those before it."""
    q, width = len(asked.weights), len(asked.weights[0])
    first = asked.weights[: width + 1]  # so many depend on each other, whatever they are
    table, rank = fmpq_mat([list(row) for row in first]).transpose().rref()
    for j in range(q):
        if j == rank or table[j, j] != 1:
            from_before = sum((table[i, j] * asked.equals[i] for i in range(j)), fmpq(0))
            raise DependentHypotheses(j, contradicts=from_before != asked.equals[j])


def _figures(equation: Centred, asked: Combinations, df: int, given: Given | None) -> list[float]:
    """Estimate, standard error and t of each, then F; without degrees of freedom the estimates alone."""

    def figures(values: Values[Number]) -> Asked:
        if df <= 0:
            return [partial(nearest, value) for value in values.estimates]
        nothing = 0 * values.rss
        spread = values.spread if given is None else [[value + nothing for value in row] for row in given.spread]
        variance = values.rss / df if given is None else nothing + 1

        def f_statistic() -> float | None:
            if variance == 0 or (given is not None and given.is_singular):
                return math.nan
            return nearest(square_form(values.differences, spread) / (variance * len(spread)))

        found: Asked = []
        for j, difference in enumerate(values.differences):
            own = variance * spread[j][j]
            found += [partial(nearest, values.estimates[j]), partial(nearest_root, own), partial(over_root, difference, own)]
        return [*found, f_statistic]

    return decided(
        lambda: figures(values_in_balls(equation, asked)),
        lambda: figures(values_in_rationals(equation, asked)),
        equation.n_features,
    )


def _tested(estimate: float, std_error: float, t_value: float, df: int, level: float, sure: str) -> Tested:
    if math.isinf(std_error) or math.isinf(estimate):
        return Tested(finite(estimate), None, reason=TOO_LARGE)
    return tested(estimate, std_error, t_value, df, quantile(df, level), sure)
