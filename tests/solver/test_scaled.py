"""Coefficients by other units than the columns': each the exact one times its scale, rounded once."""

from fractions import Fraction
from math import isqrt
from typing import Any

import numpy as np
import pytest

from service.solver.errors import CoefficientOutOfRange
from service.solver.least_squares import LeastSquares, RankPolicy, least_squares
from service.solver.moments import Moments
from service.solver.term_summation import TermSummation
from service.solver.terms import Base, Terms, terms

DAY = 86_400 * 10**6
START = 1_795_824_000_000_000  # 2026-11-28 in microseconds since 1970
RNG = np.random.default_rng(6)
T = START + np.sort(RNG.integers(0, 400 * DAY, 60)).astype(float)
Z = np.round(RNG.normal(size=60), 3)
Y = np.round(2.0 + 3e-11 * (T - START) + Z + RNG.normal(size=60), 2)
ROWS = np.column_stack([T, Z, Y])


def fitted(columns: tuple[str, ...] = ("t", "z"), scales: tuple[int, ...] = (DAY, 1), **options: Any) -> LeastSquares:
    return least_squares(Moments.of(ROWS, ("t", "z", "y")), "y", columns, scales=scales, **options)


def root(square: Fraction) -> float:
    """The square root, correctly rounded but for what is within 2^-100 of the middle of two doubles."""
    shift = 400
    return float(Fraction(isqrt((square.numerator << (2 * shift)) // square.denominator), 1 << shift))


def test_a_slope_per_day_and_its_error_are_the_exact_ones_in_fractions() -> None:
    """One feature: Sxy / Sxx times a day, and the root of rss / (n - 2) / Sxx times a day."""
    t, y = ([Fraction(value) for value in column.tolist()] for column in (T, Y))
    n = len(t)
    means = sum(t) / n, sum(y) / n
    sxx = sum(((value - means[0]) ** 2 for value in t), Fraction(0))
    sxy = sum(((a - means[0]) * (b - means[1]) for a, b in zip(t, y, strict=True)), Fraction(0))
    slope = sxy / sxx
    rss = sum(((b - means[1] - slope * (a - means[0])) ** 2 for a, b in zip(t, y, strict=True)), Fraction(0))

    fit = fitted(("t",), (DAY,))

    assert fit.scaled is not None
    assert fit.scaled.coef == (float(slope * DAY),)
    assert fit.scaled.std_error == (root(Fraction(rss / (n - 2) / sxx * DAY**2)),)
    assert (fit.coef, fit.intercept) == ((float(slope),), float(means[1] - slope * means[0]))


@pytest.mark.parametrize("rank_deficient", ["error", "allow"])
def test_they_are_the_figures_of_columns_that_count_in_the_other_unit(rank_deficient: RankPolicy) -> None:
    """Whole days divided by a day are exact: fitting those says the same, to the bit, and nothing else of the fit changes."""
    days = np.column_stack([np.round((T - START) / DAY) + START / DAY, Z, Y])
    rows = days * [DAY, 1.0, 1.0]
    expected = least_squares(Moments.of(days, ("t", "z", "y")), "y", ("t", "z"), rank_deficient=rank_deficient)
    moments = Moments.of(rows, ("t", "z", "y"))

    found = least_squares(moments, "y", ("t", "z"), rank_deficient=rank_deficient, scales=(DAY, 1))
    plain = least_squares(moments, "y", ("t", "z"), rank_deficient=rank_deficient)

    assert found.scaled is not None
    assert found.scaled.coef == expected.coef
    assert found.scaled.std_error == expected.std_error[1:]
    assert (found.intercept, found.sigma, found.r2) == (expected.intercept, expected.sigma, expected.r2)
    assert (found.coef, found.std_error, found.evaluation) == (plain.coef, plain.std_error, plain.evaluation)


def test_powers_and_products_have_powers_of_the_unit() -> None:
    """The square of a day for a square; none for what has no time in it."""
    made = terms([Base("t"), Base("z")], degree=2, interactions=True)
    names = [term.name for term in made]
    days = np.column_stack([np.round(T / DAY), np.round(8 * Z), Y])
    powers = [sum(exponent for j, exponent in term.powers if j == 0) for term in made]
    columns = [np.prod([days[:, j] ** e for j, e in term.powers], axis=0) for term in made]
    expected = least_squares(Moments.of(np.column_stack([*columns, Y]), (*names, "y")), "y", names)

    summation = TermSummation(["t", "z"], made, "y", "float64")
    summation.add(days * [DAY, 1.0, 1.0])
    moments = summation.result()
    found = least_squares(moments, "y", names, terms=Terms(made, frozenset()), scales=[DAY**power for power in powers])

    assert found.scaled is not None
    assert found.scaled.coef == expected.coef
    assert found.scaled.std_error == expected.std_error[1:]


def test_a_penalty_and_the_least_norm_are_of_coefficients_as_they_are_read() -> None:
    """Per day and not per microsecond, of which no penalty would take anything away."""
    days = np.column_stack([np.round((T - START) / DAY), Z, np.round((T - START) / DAY) * 2.0, Y])
    names = ("t", "z", "u", "y")
    in_days, moments = Moments.of(days, names), Moments.of(days * [DAY, 1.0, DAY, 1.0], names)
    options: list[dict[str, Any]] = [{"l2": 0.5}, {"rank_deficient": "minimum_norm"}, {"rank_deficient": "drop"}]

    for option in options:
        expected = least_squares(in_days, "y", names[:3], **option)
        found = least_squares(moments, "y", names[:3], scales=(DAY, 1, DAY), **option)
        assert found.scaled is not None
        assert found.scaled.coef == expected.coef
        assert found.scaled.std_error == expected.std_error[len(expected.std_error) - 3 :]
        assert (found.intercept, found.mse) == (expected.intercept, expected.mse)


def test_without_degrees_of_freedom_there_are_no_errors() -> None:
    """As many rows as coefficients."""
    fit = least_squares(Moments.of(ROWS[:2], ("t", "z", "y")), "y", ("t",), scales=(DAY,))

    assert fit.scaled is not None
    assert fit.scaled.std_error == (None,)
    assert fit.scaled.coef[0] is not None


def test_a_coefficient_that_exceeds_a_double_is_refused() -> None:
    """By the name of its column."""
    with pytest.raises(CoefficientOutOfRange) as caught:
        fitted(("t",), (10**400,))

    assert caught.value.args == ("t",)
