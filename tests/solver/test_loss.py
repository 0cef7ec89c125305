"""The loss from the moments is the exact mean of squares, rounded once."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.solver.least_squares import least_squares
from service.solver.loss import Loss
from service.solver.moments import Moments
from service.solver.reading import Numbers

VALUES = st.floats(-1e6, 1e6).map(lambda value: round(value, 3))


@given(
    rows=st.lists(st.tuples(VALUES, VALUES, VALUES), min_size=1, max_size=6),
    theta=st.lists(st.floats(-1e9, 1e9), min_size=3, max_size=3),
    fit_intercept=st.booleans(),
    numbers=st.sampled_from(["float64", "decimal"]),
)
def test_the_loss_is_the_exact_one_rounded(
    rows: list[tuple[float, ...]], theta: list[float], fit_intercept: bool, numbers: Numbers
) -> None:
    """Not a digit is lost, however near theta is to the optimum: the sum is exact and is divided once."""
    loss = Loss(Moments.of(np.array(rows), ["a", "y", "b"], numbers), "y", ["b", "a"], fit_intercept)
    intercept, *slopes = map(Fraction, theta)
    total = Fraction(0)
    for row in rows:
        a, y, b = (Fraction(repr(value) if numbers == "decimal" else value) for value in row)
        total += (y - slopes[0] * b - slopes[1] * a - (intercept if fit_intercept else 0)) ** 2
    exact = total / len(rows)

    assert loss(np.array(theta)) == exact.numerator / exact.denominator


@pytest.mark.parametrize("theta", [[0.0, np.nan], [np.inf, 0.0], [0.0, 1e300]])
def test_a_loss_beyond_the_doubles_is_infinite(theta: list[float]) -> None:
    """Callers write null."""
    assert Loss(Moments.of(np.ones((2, 2)), ["x", "y"]), "y", ["x"], True)(np.array(theta)) == np.inf


@given(
    rows=st.lists(st.tuples(VALUES, VALUES), min_size=3, max_size=6, unique_by=lambda row: row[0]),
    steps=st.lists(st.floats(-1e-9, 1e-9), min_size=2, max_size=2),
)
def test_how_far_above_the_least_a_loss_is_has_all_its_digits(rows: list[tuple[float, ...]], steps: list[float]) -> None:
    """The difference of the two losses would have none, so near the optimum; and it is never below 0."""
    moments = Moments.of(np.array(rows), ["x", "y"])
    fit = least_squares(moments, "y", ["x"])
    hi, lo = np.array(fit.evaluation.hi), np.array(fit.evaluation.lo)
    theta = hi + np.array(steps)
    left = [Fraction(float(a)) - Fraction(float(b)) - Fraction(float(c)) for a, b, c in zip(theta, hi, lo, strict=True)]
    exact = sum(((left[0] + left[1] * Fraction(x)) ** 2 for x, _ in rows), Fraction(0)) / len(rows)

    excess = Loss(moments, "y", ["x"], True).excess(theta, hi, lo)

    assert excess >= 0.0
    assert excess == pytest.approx(float(exact), rel=1e-14, abs=0.0)


@given(
    rows=st.lists(st.tuples(VALUES, VALUES), min_size=3, max_size=6), theta=st.tuples(VALUES, VALUES), about_mean=st.booleans()
)
def test_r2_of_any_theta_is_the_exact_one_rounded(
    rows: list[tuple[float, ...]], theta: tuple[float, ...], about_mean: bool
) -> None:
    """A theta that explains a millionth of the squares has all the digits of that, too."""
    loss = Loss(Moments.of(np.array(rows), ["x", "y"]), "y", ["x"], about_mean)
    a, b = Fraction(theta[0] if about_mean else 0.0), Fraction(theta[1])
    pairs = [(Fraction(x), Fraction(y)) for x, y in rows]
    mean = sum((y for _, y in pairs), Fraction(0)) / len(pairs) if about_mean else Fraction(0)
    squares = sum(((y - mean) ** 2 for _, y in pairs), Fraction(0))
    residual = sum(((y - a - b * x) ** 2 for x, y in pairs), Fraction(0))

    r2 = loss.r2(np.array(theta))

    if squares == 0:
        assert r2 is None
    else:
        exact = (squares - residual) / squares
        assert r2 == exact.numerator / exact.denominator
