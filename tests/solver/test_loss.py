"""The loss from the moments is the exact mean of squares, rounded once."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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
