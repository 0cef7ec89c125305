"""Two fits of the same terms beside each other: equal slopes, equal lines (Chow's test), and where two lines cross.

The moments of both together, [1, g, X, g X, y] with g = 1 in the second, follow from those of each: a product that has g in
it is summed over the second alone. So all the tests are linear hypotheses on one fit, exact and correctly rounded.

Source: Chow, Tests of equality between sets of coefficients in two linear regressions, Econometrica 28 (1960).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from flint import fmpq, fmpz, fmpz_mat

from service.solver.centred import centred
from service.solver.combinations import Asked, Combinations, decided, values_in_balls, values_in_rationals
from service.solver.crossing import PARALLEL, Crossing, crossing
from service.solver.hypotheses import FTest, Hypothesis, combinations, f_test, of_statistic, upper_tail
from service.solver.inference import EXACT_FIT
from service.solver.least_squares import NO_DF
from service.solver.moments import Moments
from service.solver.rounding import nearest
from service.solver.solution import Number
from service.solver.units import BASE, Sums, in_units, in_weight_unit

THROUGH_ORIGIN = "without an intercept both lines go through 0, where they cross"
NO_INTERCEPT = "no intercept is fitted"
NO_LINES = "only of one numeric feature are fits lines that cross"


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs between two fits, second less first."""

    equal_slopes: FTest
    equal_intercepts: FTest | None  # if the slopes are equal; None: no intercept is fitted
    equal_lines: FTest  # its hypotheses are the differences, the intercept's first where it is fitted
    crossing: Crossing | None
    variance_ratio: FTest  # of the second's to the first's
    reasons: dict[str, str]


def compared(
    first: Moments, second: Moments, fit_intercept: bool, level: float, are_lines: bool, scales: Sequence[int] = ()
) -> Comparison:
    """Compare the fits of the moments' last column on the others, which do not depend on each other.

    Args: are_lines: the one term is a number as it is. scales: what the coefficient of each term is multiplied by where it is
        read, if not by 1: those of times.
    Raises: ColumnMismatch, ReadingMismatch, WeightMismatch: they cannot be compared.
    """
    terms = len(first.columns) - 1
    whole = stacked(first, second, fit_intercept)
    shift = 1 if fit_intercept else 0  # the place of g among the terms of the whole
    places = range(1 + shift + terms, 1 + shift + 2 * terms)
    slopes = [
        Hypothesis({place: 1.0}, scales={place: scale}) for place, scale in zip(places, scales or [1] * terms, strict=True)
    ]
    lines = [Hypothesis({1: 1.0}), *slopes] if fit_intercept else slopes
    equal_lines = f_test(whole, fit_intercept, lines, level)
    reasons = {}
    equal_intercepts = cross = None
    if fit_intercept:
        without_products = whole.select([*whole.columns[: 1 + terms], whole.columns[-1]])
        equal_intercepts = f_test(without_products, True, [Hypothesis({1: 1.0})], level)
    else:
        reasons["equal_intercepts_given_equal_slopes"] = NO_INTERCEPT
    if not (are_lines and fit_intercept):
        reasons["crossing"] = NO_LINES if not are_lines else THROUGH_ORIGIN
    else:
        cross = _crossing(whole, level)
        reasons |= {"crossing": PARALLEL} if cross.x is None else {}
        reasons |= {"crossing_interval": NO_DF} if cross.kind is None else {}
    return Comparison(
        equal_slopes=f_test(whole, fit_intercept, slopes, level) if fit_intercept else equal_lines,
        equal_intercepts=equal_intercepts,
        equal_lines=equal_lines,
        crossing=cross,
        variance_ratio=_variance_ratio(first, second, fit_intercept),
        reasons=reasons,
    )


def stacked(first: Moments, second: Moments, with_g: bool) -> Moments:
    """The moments of [1, g, X, g X, y] over the rows of both, g being 1 in the second and 0 in the first; g only if asked for.

    Raises: ColumnMismatch, ReadingMismatch, WeightMismatch.
    """
    both = first + second
    p, base = len(both.columns) - 1, BASE[both.numbers]
    sums = Sums((0, *second.units), second.sums, second.weight_unit)
    units = (0, *both.units)
    of_second = in_units(in_weight_unit(sums, both.weight_unit, base), units, base)
    places = [0, *([0] if with_g else []), *range(1, 1 + p), *range(1, 1 + p), 1 + p]
    first_product = len(places) - 1 - p
    has_g = [(with_g and i == 1) or first_product <= i < len(places) - 1 for i in range(len(places))]
    entries: list[fmpz] = [
        (of_second if g or other_g else both.sums)[i, j]
        for i, g in zip(places, has_g, strict=True)
        for j, other_g in zip(places, has_g, strict=True)
    ]
    names = [*(["g"] if with_g else []), *(f"x{i}" for i in range(p)), *(f"g x{i}" for i in range(p)), "y"]
    return replace(
        both,
        columns=tuple(names),
        units=tuple(units[i] for i in places[1:]),
        sums=fmpz_mat(len(places), len(places), entries),
    )


def _crossing(whole: Moments, level: float) -> Crossing:
    """Of the differences of the intercepts and of the slopes, by the unit that x has in the moments, exactly."""
    lines = [Hypothesis({1: 1.0}), Hypothesis({3: 1.0})]
    equation = centred(whole, True)
    values = values_in_rationals(equation, combinations(lines, 3, whole.numbers))
    d0, d1 = values.estimates
    df = equation.n_samples - 4
    if df <= 0:
        return crossing((d0, d1), None, df, level)
    variance: fmpq = values.rss / df
    (v00, v01), (_, v11) = values.spread
    return crossing((d0, d1), (variance * v00, variance * v01, variance * v11), df, level)


def _variance_ratio(first: Moments, second: Moments, fit_intercept: bool) -> FTest:
    """The F test of equal error variances, two-sided."""
    equations = [centred(moments, fit_intercept).balanced() for moments in (first, second)]
    nothing = Combinations((), ())
    df_denom, df_num = (one.n_samples - one.n_features - fit_intercept for one in equations)
    if not (df_num and df_denom):
        return FTest(None, df_num, df_denom, None, (), dict.fromkeys(("statistic", "p_value"), NO_DF))

    def asked(rss: Sequence[Number]) -> Asked:
        denominator, numerator = rss[0] / df_denom * equations[0].weight_unit, rss[1] / df_num * equations[1].weight_unit
        return [lambda: math.nan if denominator == 0 else nearest(numerator / denominator)]

    (ratio,) = decided(
        lambda: asked([values_in_balls(one, nothing).rss for one in equations]),
        lambda: asked([values_in_rationals(one, nothing).rss for one in equations]),
        equations[0].n_features,
    )
    found = of_statistic(ratio, df_num, df_denom, why=EXACT_FIT)
    if found.statistic is None:
        return found
    tail = upper_tail(df_num, df_denom, ratio)
    other = upper_tail(df_denom, df_num, 1 / ratio) if ratio else 0.0
    return replace(found, p_value=min(1.0, 2 * min(tail, other)))
